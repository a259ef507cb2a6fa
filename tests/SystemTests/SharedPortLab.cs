using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>
/// Two data planes and Linux on one emulated port, enp94s0f0, whose cable ends at an ordinary Linux host with eth0. The first data plane has
/// rdma-0 and rdma-1, the second one rdma-2. Each of the three and Linux has a network with the host: 1.1.0.1/24 to 1.1.3.1/24, where it is .100.
/// </summary>
public sealed class SharedPortLab : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-lab-").FullName;
    private readonly Process _ports;

    public SharedPortLab()
    {
        Host = NetworkNamespace.Create();
        Remote = Host.CreateNeighbour();
        foreach (NetworkNamespace end in new[] { Host, Remote })
        {
            end.Run("sh", "-c", "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done"); // only what a test sends is on the wire
        }

        Host.Run("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "eth0", "netns", Remote.ProcessId.ToString(CultureInfo.InvariantCulture));
        Host.Run("ip", "link", "set", "cable0", "up");
        Remote.Run("sh", "-c", "for i in 0 1 2 3; do ip addr add 1.1.$i.100/24 dev eth0; done; ip link set eth0 up");
        _ports = Host.StartProgram("./verbena", "nic", "run", "--nic", "enp94s0f0,wire=if:cable0", "--log", Log, "--", "sh", "-c",
            $"for i in 0 1; do ./verbena start --socket {_folder}/$i.sock > {_folder}/$i.log 2>&1 & echo $! >> {_folder}/pids; done; wait");
        Lab.WaitUntil(() => ControlSocket.IsServed(Socket(0)) && ControlSocket.IsServed(Socket(1)));
        Host.Run("sh", "-c", "ip addr add 1.1.3.1/24 dev enp94s0f0; ip link set enp94s0f0 up");
        for (int i = 0; i < 3; i++)
        {
            Ctl(i / 2, $"create int rdma host-if enp94s0f0 name rdma-{i}");
            Ctl(i / 2, $"set int ip addr rdma-{i} 1.1.{i}.1/24");
            Ctl(i / 2, $"set int st rdma-{i} up");
        }
    }

    public NetworkNamespace Host { get; }

    public NetworkNamespace Remote { get; }

    private string Log => Path.Combine(_folder, "nic.log");

    /// <summary>The control socket of a data plane.</summary>
    public string Socket(int dataPlane) => Path.Combine(_folder, $"{dataPlane}.sock");

    /// <summary>One command to a data plane, which must succeed. Returns its answer.</summary>
    public string Ctl(int dataPlane, string command) => ControlSocket.Run(Socket(dataPlane), command);

    /// <summary>One command to a data plane, left running.</summary>
    public Process StartCtl(int dataPlane, string command) => Host.StartProgram("./verbena", "ctl", "--socket", Socket(dataPlane), command);

    /// <summary>
    /// Once nothing is on its way any more: what the port has counted must balance, and agree with what the far end's Linux and the
    /// three interfaces have counted.
    /// </summary>
    public void ExpectAgreeingBooks() => Lab.WaitUntil(() =>
    {
        PortBooks port = new(Ctl(0, "show emulated-nic"));
        string interfaces = string.Concat(Enumerable.Range(0, 3).Select(i => Ctl(i / 2, $"show int rdma-{i}")));
        string remote = Remote.Run("ip", "-j", "-s", "link", "show", "eth0");
        return port.AreBalanced
            && port["wire_received"] == Sum(remote, @"""tx"":\{""bytes"":\d+,""packets"":(\d+)")
            && port["wire_sent"] == Sum(remote, @"""rx"":\{""bytes"":\d+,""packets"":(\d+)")
            && port["queue_received"] == Sum(interfaces, @"rx packets +(\d+)")
            && port["queue_sent"] == Sum(interfaces, @"tx packets +(\d+)");
    });

    public void Dispose()
    {
        try
        {
            Host.Run("sh", "-c", $"kill -TERM $(cat {_folder}/pids)");
            _ports.WaitForExit();
            Lab.WaitUntil(() => File.Exists(Log)); // the ports' own process ends last, and then writes down what they have counted
            Assert.DoesNotContain("conformance", File.ReadAllText(Log), StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            _ports.Dispose();
            Remote.Dispose();
            Host.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static long Sum(string text, string pattern) =>
        Regex.Matches(text, pattern).Sum(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
}
