using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>The wires of emulated NICs, with Linux or a file at their far ends.</summary>
public sealed class WireTests : IDisposable
{
    private const string Quickstart = "echo create int rdma host-if port0 name rdma-0; echo set int ip addr rdma-0 1.1.1.1/24; echo set int st rdma-0 up; ";

    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-wire-").FullName;

    [Fact]
    public void A_file_that_a_veth_peer_leaves_to_hardware_to_cut_arrives_whole_at_Linux_behind_the_port()
    {
        using Lab lab = new();
        lab.Host.Run("ip", "addr", "add", "1.1.1.2/24", "dev", "enp94s0f0");
        lab.Host.Run("ip", "link", "set", "enp94s0f0", "up");
        byte[] sent = RandomNumberGenerator.GetBytes(4 << 20);
        (string from, string to) = (Path.Combine(_folder, "from"), Path.Combine(_folder, "to"));
        File.WriteAllBytes(from, sent);
        using Process listener = lab.Host.StartProgram("perl", "-MIO::Socket::INET", "-e",
            "$| = 1; $l = IO::Socket::INET->new(Listen => 1, LocalPort => 5001) or die $!; print \"ready\\n\"; "
            + $"alarm 60; $c = $l->accept; open $f, '>', '{to}'; print $f $_ while read $c, $_, 65536;");
        Assert.Equal("ready", listener.StandardOutput.ReadLine());

        // It stays until the listener has all: a kernel may give up what a program that has ended left in its socket.
        lab.Remote.Run("perl", "-MIO::Socket::INET", "-e",
            "alarm 60; $c = IO::Socket::INET->new('1.1.1.2:5001') or die $!; "
            + $"open $f, '<', '{from}'; print $c $_ while read $f, $_, 65536; $c->flush; $c->shutdown(1); <$c>;");

        listener.WaitForExit();
        Assert.Equal(sent, File.ReadAllBytes(to));
        string counters = lab.Ctl("show emulated-nic");
        Assert.InRange(Count(counters, "rx_wire_error"), 0, Count(counters, "wire_received") / 10); // TCP bears a full queue, but not a lost packet of 64 KB each time
    }

    [Fact]
    public void Linux_at_a_TAP_interface_is_pinged_through_it() => Assert.Contains(
        "3 sent, 3 received",
        Run("port0,wire=tap:far0", "until ip link set far0 up; do sleep 0.1; done; ip addr add 1.1.1.100/24 dev far0; "
            + Quickstart + "echo ping 1.1.1.100 repeat 3 interval 0.1"),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("mode ibv")]
    [InlineData("mode dv")]
    [InlineData("mode dv no-multi-seg")]
    [InlineData("mode dv no-striding")]
    public void Linux_is_pinged_in_every_mode(string mode) => Assert.Contains(
        "3 sent, 3 received",
        Run("port0,wire=tap:far0", "until ip link set far0 up; do sleep 0.1; done; ip addr add 1.1.1.100/24 dev far0; "
            + Quickstart.Replace("name rdma-0", "name rdma-0 " + mode, StringComparison.Ordinal) + "echo ping 1.1.1.100 repeat 3 interval 0.1"),
        StringComparison.Ordinal);

    [Fact]
    public void Linux_pings_with_packets_of_several_buffers()
    {
        string output = Path.Combine(_folder, "ping");
        Run("port0,mtu=9000,wire=tap:far0", "until ip link set far0 mtu 9000 up; do sleep 0.1; done; ip addr add 1.1.1.100/24 dev far0; "
            + Quickstart + "echo set int mtu packet 9000 rdma-0; sleep 1; "
            + $"(for size in 3000 8000 8972; do ping -c 3 -i 0.1 -M do -s $size 1.1.1.1; done; ping -c 3 -i 0.1 -s 30000 1.1.1.1) > {output}");
        Assert.Equal(4, Regex.Count(File.ReadAllText(output), "3 received"));
    }

    [Fact]
    public void Linux_behind_another_port_is_pinged_through_the_cable_between_them() => Assert.Contains(
        "3 sent, 3 received",
        Run("port0,wire=cable:port1 --emulated-nic port1", "until ip link set port1 up; do sleep 0.1; done; ip addr add 1.1.1.2/24 dev port1; "
            + Quickstart + "echo ping 1.1.1.2 repeat 3 interval 0.1"),
        StringComparison.Ordinal);

    [Fact]
    public void What_the_port_sends_is_in_the_capture()
    {
        (string from, string to) = (Path.Combine(_folder, "from.pcap"), Path.Combine(_folder, "to.pcap"));
        File.WriteAllBytes(from, Convert.FromHexString("D4C3B2A1020004000000000000000000FFFF000001000000")); // pcap of Ethernet, no record
        Run($"port0,wire=pcap:{from}:{to}", Quickstart + "echo ping 1.1.1.77 repeat 1 interval 0.1");
        using NetworkNamespace host = NetworkNamespace.Create();
        Assert.Contains("Request who-has 1.1.1.77 tell 1.1.1.1", host.Run("tcpdump", "-n", "-r", to, "arp"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("port0,wire=cable:port1 --emulated-nic port1,wire=sink", "port1")]
    [InlineData("port0,wire=cable:port7", "port7")]
    [InlineData("port0,wire=cable:port0", "port0")]
    [InlineData("port0,wire=if:nosuch0", "nosuch0")]
    [InlineData("port0,wire=pcap:/nonexistent", "/nonexistent")]
    [InlineData("port0,wire=tap:port0", "port0")]
    public void A_wire_that_leads_nowhere_is_refused_at_the_start(string nic, string named)
    {
        using NetworkNamespace host = NetworkNamespace.Create();
        CommandResult result = host.Try("sh", "-c", $"./verbena --emulated-nic {nic} < /dev/null");
        Assert.NotEqual(0, result.Status);
        string sentence = Assert.Single(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(named, sentence, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int Count(string counters, string name)
    {
        Match count = Regex.Match(counters, $@"^ +{name} +(\d+)", RegexOptions.Multiline);
        return count.Success ? int.Parse(count.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>Runs Verbena on one host with nothing else, and gives it the commands that a script prints.</summary>
    private static string Run(string nics, string script)
    {
        using NetworkNamespace host = NetworkNamespace.Create();
        return host.Try("bash", "-c", $"{{ {script}; }} 2>/dev/null | ./verbena --emulated-nic {nics}").Output;
    }
}
