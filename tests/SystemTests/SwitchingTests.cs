using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>Verbena as a switch between two Linux hosts.</summary>
public sealed class SwitchingTests : IDisposable
{
    private readonly SwitchLab _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Hosts_ping_each_other_through_a_bridge_domain_that_learns_them()
    {
        _lab.WithBridge();
        _lab.ExpectPing(0, "10.0.0.3");
        _lab.ExpectPing(1, "10.0.0.2", "-s", "1400");
        Assert.Contains("total/learned entries: 2/2", _lab.Ctl("show l2fib all"), StringComparison.Ordinal);
        Assert.Empty(_lab.Drops());

        _lab.Ctl("set interface l3 port1");
        _lab.ExpectNoPing(0, "10.0.0.3");
        _lab.Ctl("set interface l2 bridge port1 10");
        _lab.ExpectPing(0, "10.0.0.3");
    }

    [Fact]
    public void What_one_worker_learns_another_knows()
    {
        using SwitchLab lab = new(workers: 2);
        lab.WithBridge();
        lab.Ctl("set interface rx-placement port1 queue 0 worker 1");
        Assert.Matches("(?s)worker_0.*port0 queue 0.*worker_1.*port1 queue 0", lab.Ctl("show interface rx-placement"));
        lab.ExpectPing(0, "10.0.0.3");
        string before = lab.Ctl("show errors");
        lab.ExpectPing(0, "10.0.0.3");
        Assert.Equal(Floods(before), Floods(lab.Ctl("show errors")));
        Assert.Empty(lab.Drops());
    }

    [Fact]
    public void IPv6_passes_a_bridge_domain_as_well()
    {
        _lab.WithBridge();
        for (int host = 0; host < 2; host++)
        {
            _lab.Hosts[host].Run("sh", "-c", "for i in all eth0; do echo 0 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
            _lab.Hosts[host].Run("ip", "-6", "addr", "add", $"fd00::{2 + host}/64", "dev", "eth0", "nodad");
        }

        _lab.ExpectPing(0, "fd00::3");
    }

    [Fact]
    public void Hosts_ping_each_other_through_a_cross_connect()
    {
        _lab.SetAddress(0, "10.0.0.2/24");
        _lab.SetAddress(1, "10.0.0.3/24");
        _lab.Ctl("set interface l2 xconnect port0 port1");
        _lab.Ctl("set interface l2 xconnect port1 port0");
        _lab.ExpectPing(0, "10.0.0.3");
        Assert.Empty(_lab.Drops());
    }

    [Fact]
    public void Both_hosts_ping_the_bridge_virtual_interface_which_pings_them()
    {
        _lab.WithBridge();
        _lab.Ctl("bvi create");
        _lab.Ctl("set interface l2 bridge bvi0 10 bvi");
        _lab.Ctl("set interface state bvi0 up");
        _lab.Ctl("set interface ip address bvi0 10.0.0.1/24");
        _lab.ExpectPing(0, "10.0.0.1");
        _lab.ExpectPing(1, "10.0.0.1");
        _lab.ExpectPing(0, "10.0.0.3");
        foreach (string host in (string[])["10.0.0.2", "10.0.0.3"])
        {
            Assert.Contains("3 sent, 3 received", _lab.Ctl($"ping {host} repeat 3 interval 0.1"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Members_of_one_split_horizon_group_do_not_reach_each_other()
    {
        _lab.WithBridge();
        _lab.ExpectPing(0, "10.0.0.3");
        _lab.Ctl("set interface l2 bridge port0 10 1");
        _lab.Ctl("set interface l2 bridge port1 10 1");
        _lab.ExpectNoPing(0, "10.0.0.3");
        _lab.Ctl("set interface l2 bridge port1 10 0");
        _lab.ExpectPing(0, "10.0.0.3");
    }

    [Fact]
    public void A_filtered_host_is_cut_off_until_its_filter_is_removed()
    {
        _lab.WithBridge();
        string mac = Regex.Match(_lab.Hosts[1].Run("ip", "link", "show", "eth0"), "link/ether ([0-9a-f:]{17})").Groups[1].Value;
        _lab.Ctl($"l2fib add {mac} 10 filter");
        _lab.ExpectNoPing(0, "10.0.0.3");
        _lab.Ctl($"l2fib del {mac} 10");
        _lab.Ctl($"l2fib add {mac} 10 port1 static");
        _lab.ExpectPing(0, "10.0.0.3");
    }

    private static string Floods(string errors) => Regex.Match(errors, @"(\d+) +l2-flood +L2 flood packets").Groups[1].Value;
}
