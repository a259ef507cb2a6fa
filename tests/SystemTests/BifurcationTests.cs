using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>One port for Linux, for several interfaces, and for several processes.</summary>
public sealed class BifurcationTests
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(0.5);

    [Fact]
    public void Three_interfaces_of_two_processes_and_Linux_ping_at_the_same_time_and_lose_nothing() => PingFromAll(TimeSpan.FromSeconds(10));

    [Fact(Explicit = true)]
    public void They_ping_for_a_minute() => PingFromAll(TimeSpan.FromMinutes(1));

    [Fact]
    public void Linux_is_pinged_while_the_interface_beside_it_is_promiscuous()
    {
        using Lab lab = new Lab().WithRdma0();
        lab.Host.Run("sh", "-c", "ip addr add 1.1.1.2/24 dev enp94s0f0; ip link set enp94s0f0 up");
        lab.Ctl("set interface promiscuous on rdma-0");
        Assert.Contains("flags: admin-up link-up promiscuous", lab.Ctl("show hardware rdma-0"), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", lab.PingFast("1.1.1.2", 20), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", lab.PingFast("1.1.1.1", 20), StringComparison.Ordinal);
        Assert.Matches(@"\d+ +ethernet-input +l3 mac mismatch", lab.Ctl("show errors")); // the frames to Linux, which are no router's
    }

    [Fact]
    public void Each_change_of_steering_is_logged_with_who_asked()
    {
        using Lab lab = new Lab().WithRdma0();
        lab.Ctl("set int mac address rdma-0 02:00:00:00:aa:01");
        lab.TryCtl("set int mac address rdma-0 01:00:00:00:aa:01");
        lab.Ctl("delete interface rdma rdma-0");
        string log = lab.Stop();
        Assert.Matches(@"interface rdma-0 created on enp94s0f0, .*; asked by uid 0 gid 0 pid \d+\n", log);
        Assert.Matches(@"interface rdma-0: the NIC steers here frames to [0-9a-f:]{17}, copies of broadcast and multicast; asked by uid 0 gid 0 pid \d+: set int st rdma-0 up\n", log);
        Assert.Matches(@"the NIC steers here frames to 02:00:00:00:aa:01, .*; asked by uid 0 gid 0 pid \d+: set int mac address rdma-0 02:00:00:00:aa:01\n", log);
        Assert.DoesNotContain("01:00:00:00:aa:01", log, StringComparison.Ordinal);
        Assert.Matches(@"interface rdma-0 deleted; asked by uid 0 gid 0 pid \d+\n", log);
    }

    [Fact]
    public void Only_allowed_MAC_addresses_are_taken()
    {
        using Lab lab = new("--allow-mac", "02:77:00:00:00:00/24,02:00:00:00:aa:01");
        lab.WithRdma0();
        Assert.Matches("Ethernet address (02:77:00:|02:00:00:00:aa:01)", lab.Ctl("show hardware rdma-0"));
        Assert.Equal(0, lab.TryCtl("set int mac address rdma-0 02:00:00:00:aa:01").Status);
        CommandResult refused = lab.TryCtl("set int mac address rdma-0 02:00:00:00:aa:02 force");
        Assert.NotEqual(0, refused.Status);
        Assert.Contains("only these may be used, says --allow-mac: 02:77:00:00:00:00/24, 02:00:00:00:aa:01", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_address_of_Linux_is_taken_by_force_only()
    {
        using Lab lab = new Lab().WithRdma0();
        string mac = Regex.Match(lab.Host.Run("ip", "-j", "link", "show", "enp94s0f0"), @"""address"":""([0-9a-f:]{17})""").Groups[1].Value;
        CommandResult refused = lab.TryCtl($"set int mac address rdma-0 {mac}");
        Assert.NotEqual(0, refused.Status);
        Assert.Contains("it is Linux's own on this port", refused.Output, StringComparison.Ordinal);
        Assert.Equal(0, lab.TryCtl($"set int mac address rdma-0 {mac} force").Status);
        Assert.Contains("3 sent, 3 received", lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.1"), StringComparison.Ordinal);
    }

    private static void PingFromAll(TimeSpan duration)
    {
        using SharedPortLab lab = new();
        int count = (int)(duration / s_interval);
        string repeat = string.Create(CultureInfo.InvariantCulture, $"repeat {count} interval {s_interval.TotalSeconds}");
        for (int i = 0; i < 3; i++)
        {
            Assert.Contains("1 received", lab.Ctl(i / 2, $"ping 1.1.{i}.100 repeat 1"), StringComparison.Ordinal);
        }

        using Process changing = lab.Host.StartInteractive("./verbena", "ctl", "--socket", lab.Socket(0)); // at hand, for the change
        Process[] pings = [.. Enumerable.Range(0, 3).Select(i => lab.StartCtl(i / 2, $"ping 1.1.{i}.100 {repeat}"))];
        using Process ofLinux = lab.Host.StartProgram("ping", "-c", $"{count}", "-i", s_interval.TotalSeconds.ToString(CultureInfo.InvariantCulture), "1.1.3.100");
        for (int reply = 0; reply < count / 2; reply++)
        {
            Assert.Contains("icmp_seq", pings[1].StandardOutput.ReadLine(), StringComparison.Ordinal);
        }

        changing.StandardInput.Write("set int mac address rdma-1 02:00:00:00:aa:01\n"); // a reply has just come, so none is on its way to the old address
        changing.StandardInput.Close();
        Assert.All(pings, ping => Assert.Contains($"{count} sent, {count} received, 0% packet loss", ping.StandardOutput.ReadToEnd(), StringComparison.Ordinal));
        Assert.Contains(" 0% packet loss", ofLinux.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        Assert.Contains("02:00:00:00:aa:01", lab.Remote.Run("ip", "neigh", "show", "1.1.1.1"), StringComparison.Ordinal);
        lab.ExpectAgreeingBooks();
        Array.ForEach(pings, ping => ping.Dispose());
    }
}
