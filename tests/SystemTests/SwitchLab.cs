using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>A machine that runs Verbena with two emulated NICs, port0 and port1, and a Linux host behind each of their cables.</summary>
/// <remarks>
/// The hosts have eth0; the interfaces port0 and port1 of Verbena are up, and nothing else is configured. With a trunk there are
/// port2 and port3, too, which a veth pair trunk2 and trunk3 connects.
/// </remarks>
public sealed class SwitchLab : IDisposable
{
    private readonly NetworkNamespace _machine = NetworkNamespace.Create();
    private readonly Daemon _daemon;

    public SwitchLab(int mtu = 1500, bool trunk = false, int workers = 1)
    {
        Hosts = [Connect(0, mtu), Connect(1, mtu)];
        string[] wires = ["cable0", "cable1", .. trunk ? ConnectTrunk() : []];
        _daemon = new Daemon(_machine, ["--workers", $"{workers}", .. wires.SelectMany((wire, number) => (string[])["--emulated-nic", $"nic{number},wire=if:{wire},mtu={mtu}"])]);
        for (int port = 0; port < wires.Length; port++)
        {
            Ctl($"create interface rdma host-if nic{port} name port{port}");
            Ctl($"set interface mtu packet {mtu} port{port}");
            Ctl($"set interface state port{port} up");
        }
    }

    /// <summary>Where Verbena and the trunk are.</summary>
    public NetworkNamespace Machine => _machine;

    /// <summary>The host behind port0, and the one behind port1.</summary>
    public NetworkNamespace[] Hosts { get; }

    /// <summary>One command to Verbena, which must succeed. Returns its answer.</summary>
    public string Ctl(string command) => _daemon.Ctl(command);

    /// <summary>Gives a host an address on eth0.</summary>
    public void SetAddress(int host, string address) => Hosts[host].Run("ip", "addr", "add", address, "dev", "eth0");

    /// <summary>Makes both ports members of bridge domain 10.</summary>
    public SwitchLab WithBridge()
    {
        Ctl("set interface l2 bridge port0 10");
        Ctl("set interface l2 bridge port1 10");
        SetAddress(0, "10.0.0.2/24");
        SetAddress(1, "10.0.0.3/24");
        return this;
    }

    /// <summary>Gives the ports addresses of two networks, which are the hosts' gateways.</summary>
    public SwitchLab WithRouter()
    {
        for (int i = 0; i < 2; i++)
        {
            Ctl($"set interface ip address port{i} 10.0.{i}.1/24");
            SetAddress(i, $"10.0.{i}.{2 + i}/24");
            Hosts[i].Run("ip", "route", "add", "default", "via", $"10.0.{i}.1");
        }

        return this;
    }

    /// <summary>Fails unless a host reaches an address without loss.</summary>
    public void ExpectPing(int from, string address, params string[] options) =>
        Assert.Contains(" 0% packet loss", Hosts[from].Run(["ping", "-c", "5", "-i", "0.05", "-W", "5", .. options, address]), StringComparison.Ordinal);

    /// <summary>Fails if a host reaches an address.</summary>
    public void ExpectNoPing(int from, string address) =>
        Assert.NotEqual(0, Hosts[from].Try("ping", "-c", "2", "-i", "0.1", "-W", "0.3", address).Status);

    /// <summary>The lines of <c>show errors</c> that tell of something wrong.</summary>
    public string[] Drops() =>
        [.. Ctl("show errors").Split('\n').Where(line => line.TrimEnd().EndsWith("error", StringComparison.Ordinal))];

    public void Dispose()
    {
        try
        {
            Lab.WaitUntil(() => Ports(Ctl("show emulated-nic")).All(port => new PortBooks(port).AreBalanced));
            Assert.DoesNotContain("conformance", _daemon.Stop(), StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            _daemon.Dispose();
            foreach (NetworkNamespace host in Hosts)
            {
                host.Dispose();
            }

            _machine.Dispose();
        }
    }

    private static IEnumerable<string> Ports(string shown) => Regex.Split(shown, "^(?=[^ ]+: link)", RegexOptions.Multiline).Where(port => port.Length > 0);

    private string[] ConnectTrunk()
    {
        _machine.Run("ip", "link", "add", "trunk2", "type", "veth", "peer", "name", "trunk3");
        _machine.Run("ip", "link", "set", "trunk2", "up");
        _machine.Run("ip", "link", "set", "trunk3", "up");
        return ["trunk2", "trunk3"];
    }

    private NetworkNamespace Connect(int number, int mtu)
    {
        NetworkNamespace host = _machine.CreateNeighbour();
        string cable = string.Create(CultureInfo.InvariantCulture, $"cable{number}");
        string bytes = mtu.ToString(CultureInfo.InvariantCulture);
        foreach (NetworkNamespace end in new[] { _machine, host })
        {
            // Linux talks IPv6 by itself, whenever it likes; here only what a test sends is on the wire.
            end.Run("sh", "-c", "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
        }

        _machine.Run("ip", "link", "add", cable, "mtu", bytes, "type", "veth",
            "peer", "name", "eth0", "mtu", bytes, "netns", host.ProcessId.ToString(CultureInfo.InvariantCulture));
        _machine.Run("ip", "link", "set", cable, "up");
        host.Run("ip", "link", "set", "eth0", "up");
        return host;
    }
}
