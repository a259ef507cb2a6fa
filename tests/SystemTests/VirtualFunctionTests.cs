using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>Virtual functions as the page of VPP's driver has its users type it, with Linux at the far end of the cable.</summary>
public sealed class VirtualFunctionTests : IDisposable
{
    private const string Mac = "92:5d:f5:df:b1:6f";
    private readonly Lab _lab = new();

    public VirtualFunctionTests() => Host("numvfs 2");

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void An_interface_on_a_function_works_with_the_functions_address()
    {
        Host($"vf 0 mac {Mac} spoof on trust off");
        Create();
        _lab.Ctl($"set int mac address rdma-0 {Mac}");
        ExpectPings();
        Assert.Contains($"Ethernet address {Mac}\n  netdev enp94s0f2 pci-addr 0000:5e:00.2\n  virtual function 0 of enp94s0f0", _lab.Ctl("show hardware rdma-0"), StringComparison.Ordinal);
    }

    [Fact]
    public void With_another_address_it_is_warned_and_what_it_sends_is_dropped_and_counted()
    {
        Host($"vf 0 mac {Mac} spoof on trust off");
        string answer = Create();
        string[] lines = answer.TrimEnd().Split('\n');
        Assert.Equal("rdma-0", lines[0]);
        Assert.Matches($"^warning: rdma-0 has the MAC address .*, but virtual function 0 of enp94s0f0 has {Mac}: .*; type 'set interface mac address rdma-0 {Mac}', "
            + "or, .* 'ip link set dev enp94s0f0 vf 0 spoof off trust on' and here 'set interface promiscuous on rdma-0'$", Assert.Single(lines[1..]));

        Assert.Contains("100% packet loss", _lab.TryCtl("ping 1.1.1.100 repeat 2 interval 0.1").Output, StringComparison.Ordinal);
        Assert.Matches(@"tx_spoofed +[1-9]", _lab.Ctl("show emulated-nic enp94s0f2"));

        Assert.Equal("", _lab.Ctl($"set interface mac address rdma-0 {Mac}"));
        ExpectPings();
    }

    [Fact]
    public void Without_spoof_checking_it_sends_from_any_address_and_hears_at_its_own()
    {
        Create();
        Assert.Contains("100% packet loss", _lab.TryCtl("ping 1.1.1.100 repeat 2 interval 0.1").Output, StringComparison.Ordinal);
        string mac = Regex.Match(_lab.Ctl("show hardware rdma-0"), "Ethernet address ([0-9a-f:]{17})").Groups[1].Value;
        Assert.Contains(mac, _lab.Remote.Run("ip", "neigh"), StringComparison.Ordinal); // its ARP request came through
        Assert.DoesNotContain("tx_spoofed", _lab.Ctl("show emulated-nic enp94s0f2"), StringComparison.Ordinal);
    }

    [Fact]
    public void Promiscuous_with_trust_and_without_spoof_checking_it_has_any_address()
    {
        Create();
        ExpectNotTrusted(_lab.TryCtl("set interface promiscuous on rdma-0"));
        Host("vf 0 spoof off trust on");
        _lab.Ctl("set interface promiscuous on rdma-0");
        ExpectPings();
    }

    [Fact]
    public void L2_switching_is_refused_without_trust_and_works_with_it()
    {
        _lab.Ctl("create int rdma host-if enp94s0f2 name rdma-0");
        _lab.Ctl("set int st rdma-0 up");
        ExpectNotTrusted(_lab.TryCtl("set interface l2 bridge rdma-0 10"));
        Assert.DoesNotContain("rdma-0", _lab.TryCtl("show bridge-domain 10 detail").Output, StringComparison.Ordinal);

        Host("vf 0 spoof off trust on");
        _lab.Ctl("set interface l2 bridge rdma-0 10");
        _lab.Ctl("create loopback interface instance 0");
        _lab.Ctl("set interface l2 bridge loop0 10 bvi");
        _lab.Ctl("set int ip addr loop0 1.1.1.1/24");
        _lab.Ctl("set int st loop0 up");
        ExpectPings();
    }

    [Fact]
    public void Linux_on_one_function_and_interfaces_on_the_others_reach_the_wire_and_each_other()
    {
        _lab.WithRdma0(); // on the physical function
        _lab.Host.Run("sh", "-c", "ip addr add 1.1.1.3/24 dev enp94s0f3; ip link set enp94s0f3 up");
        Assert.Contains(" 0% packet loss", _lab.PingFast("1.1.1.1", 20), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", _lab.PingFast("1.1.1.3", 20), StringComparison.Ordinal);

        _lab.Host.Run("sh", "-c", "ip addr add 1.1.2.4/24 dev enp94s0f3");
        string own = Regex.Match(_lab.Host.Run("ip", "link", "show", "enp94s0f2"), "link/ether ([0-9a-f:]{17})").Groups[1].Value;
        _lab.Ctl("create int rdma host-if enp94s0f2 name rdma-1");
        _lab.Ctl($"set int mac address rdma-1 {own}");
        _lab.Ctl("set int ip addr rdma-1 1.1.2.5/24");
        _lab.Ctl("set int st rdma-1 up");
        Assert.Contains(" 0% packet loss", _lab.Ctl("ping 1.1.2.4 repeat 5 interval 0.2"), StringComparison.Ordinal);
        Assert.DoesNotContain("switch_uplink_error", _lab.Ctl("show emulated-nic"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_worker_that_waited_for_a_function_which_is_taken_away_sleeps_on_whatever_it_has_left_to_send()
    {
        Create();
        _lab.Ctl("set interface rx-mode rdma-0 interrupt");
        Host("numvfs 0");
        Assert.Contains("100% packet loss", _lab.TryCtl("ping 1.1.1.100 repeat 1").Output, StringComparison.Ordinal); // asked for by ARP in vain
        string worker = Directory.GetDirectories($"/proc/{_lab.DaemonId}/task")
            .Single(thread => File.ReadAllText(Path.Combine(thread, "comm")) == "worker_0\n");
        Lab.WaitUntil(() => Enumerable.Range(0, 50).All(_ => File.ReadAllText(Path.Combine(worker, "stat")).Contains("(worker_0) S ", StringComparison.Ordinal)));
        Lab.WaitUntil(() => SleepsInOneSecond(worker) < 100); // it sleeps a second, or a millisecond while something is to come back
    }

    [Fact]
    public void A_host_that_types_nonsense_is_told_what_it_can_type()
    {
        Assert.Equal("emulated-nic: expected mac, vlan, spoof, trust, state or max_tx_rate, got `color'\n", Refused("vf 0 color"));
        Assert.Contains("expected a unicast MAC address, got `01:00:5e:00:00:01'", Refused("vf 0 mac 01:00:5e:00:00:01"), StringComparison.Ordinal);
        Assert.Contains("enp94s0f0 has no virtual function 7 here: 'emulated-nic enp94s0f0 numvfs <n>' makes them", Refused("vf 7 trust on"), StringComparison.Ordinal);
        Assert.Contains("EBUSY: enp94s0f0 has 2 virtual functions: take them away first, 'emulated-nic enp94s0f0 numvfs 0'", Refused("numvfs 3"), StringComparison.Ordinal);
    }

    private static int SleepsInOneSecond(string thread)
    {
        int before = Sleeps();
        Thread.Sleep(1000);
        return Sleeps() - before;

        int Sleeps() => int.Parse(
            Regex.Match(File.ReadAllText(Path.Combine(thread, "status")), @"\nvoluntary_ctxt_switches:\s+(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private void Host(string words) => _lab.Ctl($"emulated-nic enp94s0f0 {words}");

    private string Refused(string words)
    {
        CommandResult refused = _lab.TryCtl($"emulated-nic enp94s0f0 {words}");
        Assert.NotEqual(0, refused.Status);
        return refused.Output;
    }

    private string Create()
    {
        string answer = _lab.Ctl("create int rdma host-if enp94s0f2 name rdma-0");
        _lab.Ctl("set int ip addr rdma-0 1.1.1.1/24");
        _lab.Ctl("set int st rdma-0 up");
        return answer;
    }

    private void ExpectPings()
    {
        Assert.Contains(" 0% packet loss", _lab.PingFast("1.1.1.1", 20), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", _lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.2"), StringComparison.Ordinal);
    }

    private static void ExpectNotTrusted(CommandResult answer)
    {
        Assert.NotEqual(0, answer.Status);
        Assert.Contains("rdma-0 can't be promiscuous, as L2 switching needs it: the NIC refuses that with EPERM to virtual function 0 of enp94s0f0, which is not trusted; "
            + "type on the host 'ip link set dev enp94s0f0 vf 0 spoof off trust on'", answer.Output, StringComparison.Ordinal);
    }
}
