using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Dataplane.L2;
using Verbena.Packets;
using Verbena.Tests.Dataplane.L2;

namespace Verbena.Tests.Dataplane.Cli;

public sealed class L2CommandsTests : IDisposable
{
    private static readonly string[] s_shows =
        ["show interface", "show interface address", "show mode", "show bridge-domain", "show bridge-domain 10 detail", "show l2fib all"];

    private readonly TestSwitch _test = new();
    private readonly CommandTable _table = new(NullLogger.Instance);

    public L2CommandsTests() => RouterCommands.AddTo(_table, _test.Router, () => _test.Now);

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Show_bridge_domain_has_VPPs_layout()
    {
        Assert.Equal("no bridge-domains in use\n", Run("show bridge-domain"));
        Assert.Equal("bridge-domain 10\n", Run("create bridge-domain 10 learn 1 uu-flood 0 mac-age 5 bd-tag office"));
        Assert.Equal("bvi0\n", Run("bvi create"));
        Run("set interface l2 bridge bvi0 10 bvi");
        Run("set int l2 bridge port1 10 2");
        Run("set int l2 tag-rewrite port1 push dot1q 100");
        Assert.Equal(
            """
              BD-ID   Index   BSN  Age(min)  Learning  U-Forwrd   UU-Flood   Flooding  ARP-Term  arp-ufwd Learn-count Learn-limit   BVI-Intf 
               10       1      0      5         on        on        drop        on       off       off        0     1048576     bvi0   

                       Interface           If-idx ISN  SHG  BVI  TxFlood        VLAN-Tag-Rewrite       
                         bvi0                5     0    0    *      *                 none             
                         port1               2     0    2    -      *           push-1 dot1q 100       

              BD-Tag: office

            """, Run("show bridge-domain 10 detail"));
    }

    [Fact]
    public void An_address_set_without_static_does_not_age_and_moves_to_where_it_is_seen()
    {
        Run("set int l2 bridge port0 10");
        Run("set int l2 bridge port1 10");
        Run("set bridge-domain mac-age 10 1");
        Run("l2fib add 02:fe:00:00:00:01 10 port1");
        _test.Advance(3 * TestSwitch.Minute);
        Run("l2fib flush-mac all");
        Assert.Contains(" 02:fe:00:00:00:01    1      2      1/0      no      -      -     -               port1 ", Run("show l2fib add"), StringComparison.Ordinal);
        Assert.EndsWith("L2FIB total/learned entries: 1/0\n", Run("show l2fib learn"), StringComparison.Ordinal);

        _test.Receive(1, TestSwitch.Frame(MacAddress.Broadcast, MacAddress.Parse("02:fe:00:00:00:01"))); // where it was said to be
        Assert.EndsWith("L2FIB total/learned entries: 1/0\n", Run("show l2fib"), StringComparison.Ordinal);
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, MacAddress.Parse("02:fe:00:00:00:01")));
        Assert.Contains(" 02:fe:00:00:00:01    1      1      1/0      0       -      -     -               port0 ", Run("show l2fib learn"), StringComparison.Ordinal);
        Assert.Equal(1, _test.Bridging.Domains[0].LearnCount);
        _test.Advance(3 * TestSwitch.Minute);
        Assert.Equal("no l2fib entries\n", Run("show l2fib"));
        Assert.Equal(0, _test.Bridging.Domains[0].LearnCount);
    }

    [Fact]
    public void Show_l2fib_has_VPPs_layout()
    {
        Assert.Equal("no l2fib entries\n", Run("show l2fib"));
        Run("set int l2 bridge port0 10");
        Run("set int l2 bridge port1 10");
        Run("l2fib add 02:fe:00:00:00:01 10 port1 static");
        Run("l2fib add 02:fe:00:00:00:02 10 filter");
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, MacAddress.Parse("b8:ce:f6:11:22:33")));
        Assert.Equal("L2FIB total/learned entries: 3/1\n", Run("show l2fib"));
        Assert.Equal(
            """
                Mac-Address     BD-Idx If-Idx BSN-ISN Age(min) static filter bvi         Interface-Name        
             02:fe:00:00:00:01    1      2      0/0      no      *      -     -               port1            
             02:fe:00:00:00:02    1      -1     0/0      no      *      *     -                 -              
             b8:ce:f6:11:22:33    1      1      0/0      -       -      -     -               port0            
            L2FIB total/learned entries: 3/1

            """, Run("show l2fib verbose"));
        Assert.Equal(3, Run("show l2fib bd_id 10 learn").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(Run("show l2fib bd_id 10 learn"), Run("show l2fib learn bd_id 10"));
        Run("l2fib flush-mac bridge-domain 10");
        Run("l2fib del 02:fe:00:00:00:02 10");
        Assert.Equal("L2FIB total/learned entries: 1/0\n", Run("show l2fib"));
    }

    [Fact]
    public void Modes_are_shown_and_changed_back()
    {
        Run("set interface l2 bridge port0 10");
        Run("set interface l2 xconnect port1 port2");
        Run("set interface l2 xconnect port2 port1");
        Assert.Equal("l2 bridge port0 bd_id 10 shg 0\nl2 xconnect port1 port2\nl3 port3\n", Run("show mode port0 port1 port3"));
        Assert.Equal("port0 (up):\n  L2 bridge bd-id 10 idx 1 shg 0  \nport1 (up):\n  L2 xconnect port2\n", Run("show interface address port0 port1"));
        Run("set interface l3 port0");
        Assert.Equal("l3 port0\n", Run("show mode port0"));
        Run("create bridge-domain 10 del");
    }

    [Theory]
    [InlineData("port0 100", "port0.100", 1, 100, 0, true)]
    [InlineData("port0 7 dot1q 100", "port0.7", 1, 100, 0, false)]
    [InlineData("port0 7 dot1q 100 exact-match", "port0.7", 1, 100, 0, true)]
    [InlineData("port0 7 dot1ad 100 inner-dot1q 20 exact-match", "port0.7", 2, 100, 20, true)]
    [InlineData("port0 7 dot1q any", "port0.7", 1, VlanMatch.Any, 0, false)]
    [InlineData("port0 7 dot1q 100 inner-dot1q any", "port0.7", 2, 100, VlanMatch.Any, false)]
    [InlineData("port0 7 untagged", "port0.7", 0, 0, 0, false)]
    public void Sub_interfaces_are_made_as_VPP_makes_them(string arguments, string name, int tags, int outer, int inner, bool exact)
    {
        Assert.Equal(name + "\n", Run("create sub-interfaces " + arguments));
        VlanMatch match = _test.Router.Interfaces.Find(name)!.Match!;
        Assert.Equal((tags, outer, inner, exact), (match.TagCount, match.Outer, match.Inner, match.IsExact));
        Run("delete sub-interface " + name);
        Assert.Null(_test.Router.Interfaces.Find(name));
    }

    [Fact]
    public void A_range_of_ids_makes_a_sub_interface_for_each_VLAN_that_has_none()
    {
        Run("create sub-interfaces port0 101");
        Assert.Equal("port0.100\nport0.102\n", Run("create sub port0 100-102"));
        Assert.Equal(3, _test.Interfaces[0].SubInterfaces.Count);
    }

    [Fact]
    public void A_range_with_a_VLAN_that_another_sub_interface_has_makes_none()
    {
        Run("create sub-interfaces port0 7 dot1q 102 exact-match");
        Assert.Equal("create sub-interfaces: port0.7 has these frames already", Fail("create sub-interfaces port0 100-103"));
        Assert.Equal("port0.7", Assert.Single(_test.Interfaces[0].SubInterfaces).Name);
    }

    [Fact]
    public void Loopbacks_come_and_go()
    {
        Assert.Equal("loop0\n", Run("create loopback interface"));
        Assert.Equal("loop7\n", Run("loopback create-interface mac 02:00:00:00:00:77 instance 7"));
        Assert.Contains("  Ethernet address 02:00:00:00:00:77\n", Run("show hardware loop7"), StringComparison.Ordinal);
        Run("delete loopback interface intfc loop7");
        Run("loopback delete-interface intfc loop0");
        Assert.Null(_test.Router.Interfaces.Find("loop0"));
    }

    [Fact]
    public void Flags_and_limits_of_a_domain_are_set()
    {
        Run("create bridge-domain 10");
        Run("set bridge-domain learn 10 disable");
        Run("set bridge-domain forward 10 disable");
        Run("set bridge-domain flood 10 disable");
        Run("set bridge-domain uu-flood 10 disable");
        Run("set bridge-domain mac-age 10 7");
        Run("set bridge-domain learn-limit 10 99");
        BridgeDomain domain = _test.Bridging.Domains[0];
        Assert.Equal((false, false, false, false), (domain.Learns, domain.Forwards, domain.Floods, domain.FloodsUnknown));
        Assert.Equal((7, 99), (domain.MacAgeMinutes, domain.LearnLimit));
        Run("set bridge-domain learn 10");
        Assert.True(domain.Learns);
    }

    [Theory]
    [InlineData("create sub-interfaces port0")]
    [InlineData("create sub-interfaces port0 0")]
    [InlineData("create sub-interfaces port0 4095")]
    [InlineData("create sub-interfaces port0 9-3")]
    [InlineData("create sub-interfaces port0 7 dot1q 4095")]
    [InlineData("create sub-interfaces port0 7 dot1q 7 inner-dot1q any exact-match")]
    [InlineData("create sub-interfaces local0 7")]
    [InlineData("delete sub-interface port0")]
    [InlineData("delete loopback interface intfc port0")]
    [InlineData("bvi create mac ff:ff:ff:ff:ff:ff")]
    [InlineData("set interface l2 bridge local0 10")]
    [InlineData("set interface l2 bridge local0 11")]
    [InlineData("set interface l2 bridge port0 0")]
    [InlineData("set interface l2 bridge port0 10 bvi")]
    [InlineData("set interface l2 bridge port0 10 256")]
    [InlineData("set interface l2 xconnect port0")]
    [InlineData("set interface l2 xconnect port0 port0")]
    [InlineData("set interface l2 xconnect port0 local0")]
    [InlineData("set interface l2 tag-rewrite port0 pop 1")]
    [InlineData("set interface l2 tag-rewrite port0 pop 3")]
    [InlineData("set interface l2 tag-rewrite port0 push dot1q")]
    [InlineData("set interface l2 tag-rewrite port0 translate 1-2 dot1q 7")]
    [InlineData("set interface l2 learn port0 disable")]
    [InlineData("create bridge-domain 10")]
    [InlineData("create bridge-domain 12 del")]
    [InlineData("create bridge-domain 12 learn 2")]
    [InlineData("set bridge-domain learn 12")]
    [InlineData("set bridge-domain mac-age 10 256")]
    [InlineData("l2fib add 02:fe:00:00:00:01 10 port0")]
    [InlineData("l2fib add 01:fe:00:00:00:01 10 filter")]
    [InlineData("l2fib del 02:fe:00:00:00:01 10")]
    [InlineData("show bridge-domain 12")]
    public void What_is_refused_changes_nothing(string line)
    {
        Run("create bridge-domain 10");
        string before = Snapshot();
        Assert.NotEmpty(Fail(line));
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public void A_port_that_refuses_leaves_no_new_domain_behind()
    {
        _test.Ports[0].PromiscuousRefusal = "not trusted";
        Assert.Equal("set interface l2 bridge: not trusted", Fail("set interface l2 bridge port0 77"));
        Assert.Empty(_test.Bridging.Domains);
    }

    private string Snapshot() => string.Concat(s_shows.Select(Run));

    private string Run(string line)
    {
        Assert.Null(WaitFor(Start(line, out StringWriter output)));
        return output.ToString();
    }

    private string Fail(string line) => WaitFor(Start(line, out _)) ?? "";

    private Task<string?> Start(string line, out StringWriter output)
    {
        output = new StringWriter();
        return _table.RunAsync(line, new CliSession(output, "a test"));
    }

#pragma warning disable xUnit1031 // what it waits for runs on other threads only where it awaits
    private static string? WaitFor(Task<string?> running) => running.GetAwaiter().GetResult();
#pragma warning restore xUnit1031
}
