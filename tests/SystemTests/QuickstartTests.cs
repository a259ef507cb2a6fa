using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>The quickstart as a user types it, with Linux's network stack at the far end of the cable.</summary>
public sealed class QuickstartTests : IDisposable
{
    private readonly Lab _lab = new Lab().WithRdma0();

    [Fact]
    public void Verbena_pings_the_remote_host()
    {
        string answer = _lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.1");
        Assert.Contains("from 1.1.1.100: icmp_seq=1 ttl=64", answer, StringComparison.Ordinal);
        Assert.Contains("3 sent, 3 received, 0% packet loss", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(10, "-s", "1400")]
    public void The_remote_host_pings_rdma_0_without_loss(int count, params string[] options)
    {
        string answer = _lab.PingFast("1.1.1.1", count, options);
        Assert.True(answer.Contains(" 0% packet loss", StringComparison.Ordinal), answer);
    }

    [Theory]
    [InlineData("3000")]
    [InlineData("65507")]
    public void The_remote_host_pings_rdma_0_in_fragments(string bytes)
    {
        string answer = _lab.PingFast("1.1.1.1", 10, "-s", bytes);
        Assert.True(answer.Contains(" 0% packet loss", StringComparison.Ordinal), answer);
    }

    [Fact]
    public void Verbena_pings_the_remote_host_in_fragments() =>
        Assert.Contains("3 sent, 3 received, 0% packet loss", _lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.1 size 2000"), StringComparison.Ordinal);

    [Fact]
    public void A_flood_of_10000_pings_loses_at_most_one_in_a_thousand()
    {
        string answer = _lab.Remote.Run("ping", "-f", "-c", "10000", "-q", "1.1.1.1");
        int received = int.Parse(Regex.Match(answer, @"(\d+) received").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(received, 9990, 10000);
    }

    [Fact]
    public void Arping_is_answered_with_the_address_that_show_hardware_prints()
    {
        string answer = _lab.Remote.Run("arping", "-c", "2", "-I", "eth0", "1.1.1.1");
        Assert.Contains("Received 2 response(s)", answer, StringComparison.Ordinal);
        string mac = Regex.Match(_lab.Ctl("show hardware"), "Ethernet address ([0-9a-f:]{17})").Groups[1].Value;
        Assert.Contains(mac, answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Linux_keeps_using_the_port_while_rdma_0_does()
    {
        GiveLinuxAnAddress();
        using System.Diagnostics.Process toLinux = _lab.Remote.StartProgram("ping", "-c", "50", "-i", "0.01", "1.1.1.2");
        string toVerbena = _lab.PingFast("1.1.1.1", 20);
        Assert.Contains(" 0% packet loss", toVerbena, StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", toLinux.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_to_another_address_reaches_Linux_and_not_rdma_0()
    {
        GiveLinuxAnAddress();
        (long verbena, long linux) = (RxPacketsOfRdma0(), RxPacketsOfLinux());
        _lab.Remote.Run("ip", "neigh", "replace", "1.1.1.50", "lladdr", "02:00:00:00:00:99", "dev", "eth0");
        CommandResult ping = _lab.Remote.Try("ping", "-c", "100", "-i", "0.002", "-W", "0.2", "1.1.1.50");
        Assert.Contains("100% packet loss", ping.Output, StringComparison.Ordinal);
        Lab.WaitUntil(() => RxPacketsOfLinux() >= linux + 100);
        Assert.InRange(RxPacketsOfRdma0() - verbena, 0, 20); // what Linux sends to groups now and then, but none of the hundred
    }

    [Fact]
    public void A_broadcast_reaches_both()
    {
        GiveLinuxAnAddress();
        (long verbena, long linux) = (RxPacketsOfRdma0(), RxPacketsOfLinux());
        _lab.Remote.Try("ping", "-b", "-c", "5", "-i", "0.2", "-W", "0.2", "1.1.1.255");
        Lab.WaitUntil(() => RxPacketsOfLinux() >= linux + 5 && RxPacketsOfRdma0() >= verbena + 5);
    }

    [Fact]
    public void Deleting_the_interface_gives_its_traffic_back_to_Linux()
    {
        GiveLinuxAnAddress();
        _lab.Ctl("delete interface rdma rdma-0");
        Assert.DoesNotContain("rdma-0", _lab.Ctl("show int"), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", _lab.Remote.Run("ping", "-c", "3", "-i", "0.1", "1.1.1.2"), StringComparison.Ordinal);
        Assert.NotEqual(0, _lab.Remote.Try("ping", "-c", "2", "-i", "0.1", "-W", "0.2", "1.1.1.1").Status);
    }

    [Fact]
    public void Carrier_lost_at_the_NIC_is_seen_by_Verbena_and_by_Linux()
    {
        _lab.Host.Run("ip", "link", "set", "enp94s0f0", "up");
        _lab.Ctl("emulated-nic enp94s0f0 carrier off");
        Lab.WaitUntil(() => Regex.IsMatch(_lab.Ctl("show hardware"), @"rdma-0 +\d+ +down"));
        Assert.Contains("NO-CARRIER", _lab.Host.Run("ip", "link", "show", "enp94s0f0"), StringComparison.Ordinal);
        _lab.Ctl("emulated-nic enp94s0f0 carrier on");
        Lab.WaitUntil(() => Regex.IsMatch(_lab.Ctl("show hardware"), @"rdma-0 +\d+ +up"));
        Assert.Contains("3 sent, 3 received", _lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.1"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_daemon_ends_in_order_and_leaves_no_interface_behind()
    {
        string log = _lab.Stop();
        Assert.DoesNotContain("enp94s0f0", _lab.Host.Run("ip", "link"), StringComparison.Ordinal);
        Assert.DoesNotContain("conformance", log, StringComparison.OrdinalIgnoreCase);
        Assert.False(File.Exists(_lab.Socket));
    }

    public void Dispose() => _lab.Dispose();

    private void GiveLinuxAnAddress()
    {
        _lab.Host.Run("ip", "addr", "add", "1.1.1.2/24", "dev", "enp94s0f0");
        _lab.Host.Run("ip", "link", "set", "enp94s0f0", "up");
        Assert.Contains(" 0% packet loss", _lab.Remote.Run("ping", "-c", "1", "1.1.1.2"), StringComparison.Ordinal);
    }

    private long RxPacketsOfRdma0()
    {
        Match count = Regex.Match(_lab.Ctl("show int rdma-0"), @"rx packets +(\d+)");
        return count.Success ? long.Parse(count.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    private long RxPacketsOfLinux()
    {
        string answer = _lab.Host.Run("ip", "-j", "-s", "link", "show", "enp94s0f0");
        return long.Parse(Regex.Match(answer, @"""rx"":\{""bytes"":\d+,""packets"":(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
