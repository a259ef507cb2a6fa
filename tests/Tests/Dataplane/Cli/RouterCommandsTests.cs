using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane.Cli;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Cli;

public sealed class RouterCommandsTests : IDisposable
{
    private const long Millisecond = 1_000_000;

    private static readonly string[] s_shows =
        ["show interface", "show interface address", "show hardware-interfaces", "show ip fib", "show ip neighbors"];

    private static readonly string[] s_words =
        ["left", "right", "local0", "up", "down", "del", "all", "10.0.0.1/24", "10.3.0.1/8", "10.0.0.2", "via", "1500", "packet", "?x"];

    private readonly TestRouter _test = new();
    private readonly CommandTable _table = new(NullLogger.Instance);

    public RouterCommandsTests()
    {
        _test.Router.Workers[0].AttachThread(threadId: 4711, core: 2);
        RouterCommands.AddTo(_table, _test.Router, () => _test.Now);
    }

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Show_interface_has_VPPs_columns_and_only_counters_that_are_not_zero()
    {
        _test.Receive(_test.LeftPort, new byte[60]);
        Assert.Equal(
            """
                          Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          Count     
            left                              1      up          1500/0/0/0     rx packets                     1
                                                                                rx bytes                      60
                                                                                drops                          1
            local0                            0     down          0/0/0/0       
            right                             2      up          1500/0/0/0     

            """, Run("show interface"));
    }

    [Fact]
    public void Interfaces_are_named_by_name_or_index_and_shown_as_given()
    {
        string[] lines = Run("sh int right 1").Split('\n');
        Assert.StartsWith("right ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("left ", lines[2], StringComparison.Ordinal);
        Assert.Equal("show interface: expected an interface (local0, left, right), got `middle'", Fail("show interface middle"));
    }

    [Fact]
    public void Addresses_come_and_go()
    {
        Run("set interface ip address left 10.9.0.1/16");
        Assert.Equal("left (up):\n  L3 10.0.0.1/24\n  L3 10.9.0.1/16\n", Run("sh int addr left"));
        Run("set int ip addr del left 10.9.0.1/16");
        Run("set int ip addr del right all");
        Assert.Equal("left (up):\n  L3 10.0.0.1/24\nlocal0 (dn):\nright (up):\n", Run("show interface address"));
    }

    [Fact]
    public void State_MAC_address_and_MTU_are_set()
    {
        Run("set int st left down");
        Run("set interface mac address left 02:aa:bb:cc:dd:ee");
        Run("set interface mtu 1280 left");
        Run("set interface mtu packet 1400 right");
        Assert.Contains("left                              1     down         1280/0/0/0", Run("show interface"), StringComparison.Ordinal);
        Assert.Contains("right                             2      up          1400/0/0/0", Run("show interface"), StringComparison.Ordinal);
        Assert.Contains("  Ethernet address 02:aa:bb:cc:dd:ee\n", Run("show hardware-interfaces left"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_interface_is_made_promiscuous_and_back()
    {
        Run("set interface promiscuous on left");
        Assert.True(_test.LeftPort.IsPromiscuous);
        Assert.False(_test.RightPort.IsPromiscuous);
        Run("set interface promiscuous off left");
        Assert.False(_test.LeftPort.IsPromiscuous);
    }

    [Fact]
    public void An_interface_receives_of_all_groups_or_only_broadcast()
    {
        Run("set interface all-multicast off left");
        Assert.False(_test.LeftPort.IsAllMulticast);
        Run("set interface all-multicast on left");
        Assert.True(_test.LeftPort.IsAllMulticast);
    }

    [Fact]
    public void Secondary_MAC_addresses_are_given_shown_and_taken_away()
    {
        Run("set interface secondary-mac-address left 02:00:00:00:0a:01 add");
        Run("set interface secondary-mac-address left 02:00:00:00:0a:02 add");
        Run("set interface secondary-mac-address left 02:00:00:00:0a:01 del");
        Assert.Equal("left (up):\n  02:00:00:00:0a:02\n", Run("show interface secondary-mac-address left"));
        Assert.Equal([MacAddress.Parse("02:00:00:00:0a:02")], _test.LeftPort.SecondaryMacAddresses);
    }

    [Fact]
    public void Linux_s_MAC_address_is_taken_by_force_only()
    {
        Assert.Contains("add force", Fail($"set interface mac address left {TestPort.HostMac}"), StringComparison.Ordinal);
        Assert.Contains("add force", Fail($"set interface secondary-mac-address left {TestPort.HostMac} add"), StringComparison.Ordinal);
        Assert.Equal(MacAddress.Parse(TestRouter.LeftMac), _test.LeftPort.MacAddress);
        Run($"set interface mac address left {TestPort.HostMac} force");
        Run($"set interface secondary-mac-address right {TestPort.HostMac} add force");
        Assert.Equal(MacAddress.Parse(TestPort.HostMac), _test.LeftPort.MacAddress);
    }

    [Fact]
    public void Show_hardware_has_VPPs_layout() => Assert.Equal(
        """
                      Name                Idx   Link  Hardware
        left                               1     up   left
          Link speed: 100 Gbps
          RX Queues:
            queue thread         mode
            0     worker_0 (1)   polling   
          TX Queues:
            queue shared thread(s)
            0     no     1
          Ethernet address 02:00:00:00:00:01

        """, Run("show hardware left"));

    [Fact]
    public void Placement_of_receive_queues_has_VPPs_layout_and_grammar()
    {
        const string Placed = "Thread 1 (worker_0):\n node rdma-input:\n    left queue 0 (polling)\n    right queue 0 (polling)\n";
        Assert.Equal(Placed, Run("show interface rx-placement"));
        Run("set interface rx-placement left queue 0 worker 0");
        Run("set interface rx-placement right worker 0");
        Assert.Equal(Placed, Run("show interface rx-placement"));
        Assert.Equal(
            "set interface rx-placement: left has no receive queue 1: 'show interface rx-placement' lists those there are",
            Fail("set interface rx-placement left queue 1 worker 0"));
        Assert.Equal("set interface rx-placement: expected a worker from 0 to 0, got `1'", Fail("set interface rx-placement left worker 1"));
        Assert.Equal(
            "set interface rx-placement: the main thread polls no receive queue: name a worker, which 'show threads' lists",
            Fail("set interface rx-placement left main"));
        Run("set interface rx-mode left polling");
        Assert.Equal(
            "set interface rx-mode: left has no receive queues that tell of packets: it stays as it is", Fail("set interface rx-mode left queue 0 interrupt"));
    }

    [Fact]
    public void Show_threads_lists_the_workers() =>
        Assert.Matches(@"^ID Name     LWP  CPU Loops\n1  worker_0 4711 2   \d+\n$", Run("show threads"));

    [Fact]
    public void Show_buffers_has_VPPs_columns_and_tells_what_receive_queues_may_hold()
    {
        Assert.True(_test.Buffers.TryReserve(512));
        Assert.True(_test.Buffers.TryTake(out BufferIndex one));
        Assert.Equal(
            """
            Pool Name            Index NUMA  Size  Data Size  Total  Avail  Cached   Used     Reserved
            default                0     -   2368     2048    2048   1919     128      1      512/1792

            """, Run("show buffers"));
        _test.Buffers.Return(one);
    }

    [Fact]
    public void Show_errors_has_VPPs_columns()
    {
        _test.Receive(_test.LeftPort, new byte[60]);
        string[] lines = Run("show errors").Split('\n');
        Assert.Equal("   Count                  Node                              Reason               Severity ", lines[0]);
        Assert.StartsWith("         1           ethernet-input", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("   error  ", lines[1], StringComparison.Ordinal);
        Run("clear errors");
        Assert.Equal("", Run("show errors").Split('\n')[1]);
    }

    [Fact]
    public void Neighbors_have_VPPs_columns_and_no_heading_when_there_are_none()
    {
        Assert.Equal("", Run("show ip neighbors"));
        Run("set ip neighbor left 10.0.0.2 b8ce.f611.2233 static");
        _test.Advance(18_204_400_000);
        Assert.Equal(
            """
                 Age                       IP                    Flags      Ethernet              Interface       
               18.2044                  10.0.0.2                   S    b8:ce:f6:11:22:33 left

            """, Run("sh ip neigh"));
        Run("ip neighbor del left 10.0.0.2 b8:ce:f6:11:22:33");
        Assert.Equal("", Run("show ip neighbor"));
    }

    [Fact]
    public void Neighbors_are_flushed_static_ones_too_behind_one_interface_or_all()
    {
        _test.WithNeighbors();
        _test.Receive(_test.LeftPort, Frame.Arp(ArpHeader.Request, "02:00:00:00:00:09", "10.0.0.9", TestRouter.LeftAddress));
        Run("ip route add 10.7.0.0/16 via 10.0.0.2");
        Assert.Equal(4, Run("show ip neighbors").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Run("ip neighbor flush left");
        Assert.Contains("10.0.1.2", Run("show ip neighbors"), StringComparison.Ordinal);
        Assert.Equal("", Run("show ip neighbors left"));
        Assert.Contains("arp-ipv4: via 10.0.0.2 left\n", Run("show ip fib 10.7.1.1"), StringComparison.Ordinal);
        Run("ip neighbor flush");
        Assert.Equal("", Run("show ip neighbors"));
    }

    [Fact]
    public void The_forwarding_table_s_prefixes_are_counted_by_length() => Assert.Equal(
        """
        ipv4-VRF:0, fib_index:0
            Prefix length         Count     
                           0               1
                           4               2
                          24               2
                          32               8

        """, Run("show ip fib summary"));

    [Fact]
    public void The_forwarding_table_lists_routes_and_finds_the_longest_match()
    {
        _test.WithNeighbors();
        Run("ip route add 10.7.0.0/16 via 10.0.0.2");
        Assert.Contains("ipv4 via 10.0.0.2 left: mtu:1500 0200000000020200000000010800\n", Run("show ip fib 10.7.1.1"), StringComparison.Ordinal);
        Run("set interface state left down");
        Assert.EndsWith("    [0] [@0]: dpo-drop ip4\n        unresolved: via 10.0.0.2\n", Run("show ip fib 10.7.1.1"), StringComparison.Ordinal);
        Assert.Contains("\n10.7.0.0/16\n  unicast-ip4-chain\n", Run("show ip fib"), StringComparison.Ordinal);
        Run("ip route del 10.7.0.0/16");
        Assert.Contains("\n0.0.0.0/0\n", Run("show ip fib 10.7.1.1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Routes_are_added_and_deleted_by_VPPs_everyday_lines()
    {
        Run("ip route add 10.9.0.0/16 via 10.0.0.2 left");
        Run("ip route 10.10.0.0/16 via 10.0.0.2");
        Assert.Contains("\n10.9.0.0/16\n", Run("show ip fib 10.9.1.1"), StringComparison.Ordinal);
        Assert.Contains("\n10.10.0.0/16\n", Run("show ip fib 10.10.1.1"), StringComparison.Ordinal);
        Run("ip route del 10.9.0.0/16 via 10.0.0.2 left");
        Run("ip route del 10.10.0.0/16 via 10.0.0.2");
        Assert.DoesNotContain("/16\n", Run("show ip fib"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_route_goes_only_by_the_path_that_it_has()
    {
        Run("ip route add 10.9.0.0/16 via 10.0.0.2");
        Assert.Equal("ip route del: the route to 10.9.0.0/16 leads via 10.0.0.2 left", Fail("ip route del 10.9.0.0/16 via 10.0.0.3"));
        Assert.Equal("ip route del: the route to 10.9.0.0/16 leads via 10.0.0.2 left", Fail("ip route del 10.9.0.0/16 via 10.0.0.2 right"));
        Assert.Equal("ip route add: 10.0.0.2 is no host of a network that right is connected to", Fail("ip route add 10.8.0.0/16 via 10.0.0.2 right"));
        Assert.Equal("ip route add: expected via", Fail("ip route add 10.8.0.0/16"));
        Assert.Contains("\n10.9.0.0/16\n", Run("show ip fib 10.9.1.1"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_forwarding_table_says_for_whom_it_has_counted()
    {
        _test.WithNeighbors();
        Run("ip route add 10.7.0.0/16 via 10.0.1.2");
        foreach (string destination in (string[])["10.7.0.1", "10.7.0.2", TestRouter.RightHost, "10.0.1.255"])
        {
            _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, destination));
        }

        _test.Receive(_test.LeftPort, Frame.EchoRequest(TestRouter.LeftHost, TestRouter.LeftAddress, payloadBytes: 26));
        string neighbor = Run("show ip fib 10.7.1.1");
        Assert.DoesNotContain("to:[", neighbor, StringComparison.Ordinal); // the neighbor's packets are not all this prefix's
        Assert.EndsWith("0800\n        counts:[3:138]\n", neighbor, StringComparison.Ordinal);
        Assert.Contains(" buckets:1 to:[1:54]]\n", Run("show ip fib 10.0.0.1"), StringComparison.Ordinal);
        Assert.Contains(" buckets:1]\n", Run("show ip fib 10.0.1.255"), StringComparison.Ordinal); // one adjacency drops for all
    }

    [Fact]
    public void Show_runtime_has_a_row_for_each_node_that_ran()
    {
        _test.Receive(_test.LeftPort, new byte[60]);
        string[] lines = Run("show runtime").Split('\n');
        Assert.Equal("Thread 1 worker_0 (lcore 2)", lines[0]);
        Assert.Matches(@"^Time [\d.]+, [\d.]+ sec internal node vector rate [\d.]+ loops/sec [\d.]+$", lines[1]);
        Assert.Equal(
            "             Name                 State         Calls          Vectors        Suspends      Packet-Clocks   Vectors/Call  ", lines[3]);
        Assert.Matches(@"^ethernet-input                   active +\d+ {15}1 {15}0 +\d\.\d\de-?\d +1\.00$", lines.Single(line => line.StartsWith("ethernet-input", StringComparison.Ordinal)));
    }

    [Fact]
    public void Ping_prints_replies_as_they_come_and_then_statistics()
    {
        Task<string?> running = Start("ping 10.0.0.1 repeat 2 interval .01", out StringWriter output);
        _test.Run();
        _test.Advance(10 * Millisecond);
        Assert.Null(WaitFor(running));
        Assert.Matches(
            """
            ^68 bytes from 10\.0\.0\.1: icmp_seq=1 ttl=64 time=[\d.]+ ms
            68 bytes from 10\.0\.0\.1: icmp_seq=2 ttl=64 time=[\d.]+ ms

            Statistics: 2 sent, 2 received, 0% packet loss
            rtt min/avg/max = [\d.]+/[\d.]+/[\d.]+ ms
            $
            """, output.ToString());
    }

    [Fact]
    public void Ping_without_a_reply_fails()
    {
        _test.WithNeighbors();
        Task<string?> running = Start("ping 10.0.0.2 count 1", out StringWriter output);
        _test.Run();
        _test.Advance(2 * TestRouter.Second);
        Assert.Equal("ping: no reply from 10.0.0.2", WaitFor(running));
        Assert.Equal("ping: 10.99.0.1 is the address of no interface that is up", Fail("ping 10.0.0.2 source 10.99.0.1"));
        Assert.Equal("No reply from 10.0.0.2: icmp_seq=1\n\nStatistics: 1 sent, 0 received, 100% packet loss\n", output.ToString());
    }

    [Theory]
    [InlineData("set interface state left")]
    [InlineData("set interface state left sideways")]
    [InlineData("set interface state left up down")]
    [InlineData("set interface state middle up")]
    [InlineData("set interface state local0 up")]
    [InlineData("set interface mtu 67 left")]
    [InlineData("set interface mtu 1501 left")]
    [InlineData("set interface mtu -1 left")]
    [InlineData("set interface mtu 99999999999999999999 left")]
    [InlineData("set interface promiscuous left")]
    [InlineData("set interface all-multicast on local0")]
    [InlineData("set interface secondary-mac-address left 02:00:00:00:0a:01")]
    [InlineData("set interface secondary-mac-address left 02:00:00:00:0a:01 del")]
    [InlineData("set interface secondary-mac-address left 01:00:00:00:0a:01 add")]
    [InlineData("set interface secondary-mac-address local0 02:00:00:00:0a:01 add")]
    [InlineData("set interface promiscuous on local0")]
    [InlineData("set interface mac address left ff:ff:ff:ff:ff:ff")]
    [InlineData("set interface mac address left 02:00:00:00:00")]
    [InlineData("set interface ip address left 10.0.0.1/33")]
    [InlineData("set interface ip address left 10.0.1.7/24")]
    [InlineData("set interface ip address left 10.0.0.1/24")]
    [InlineData("set interface ip address left 10.5.0.1/24 10.6.0.1/24")]
    [InlineData("set interface ip address del left 10.5.0.1/24")]
    [InlineData("set interface ip address del all")]
    [InlineData("ip route add 10.7.0.0/16 via 172.16.0.1")]
    [InlineData("ip route del 10.7.0.0/16")]
    [InlineData("ip neighbor left 192.168.0.1 02:00:00:00:00:09 dynamic")]
    [InlineData("ping")]
    [InlineData("ping 10.0.0.300")]
    [InlineData("ping 10.0.0.2 repeat 0")]
    [InlineData("ping 10.0.0.2 interval 0")]
    [InlineData("ping 10.0.0.2 size 70000")]
    [InlineData("ping 10.0.0.2 source middle")]
    [InlineData("ping 10.0.0.2 source 10.99.0.1")]
    public void What_is_refused_changes_nothing(string line)
    {
        string before = Snapshot();
        Assert.NotEmpty(Fail(line));
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public void Random_words_behind_a_command_are_refused_and_change_nothing()
    {
        string before = Snapshot();
        Gen<string> word = Gen.OneOf(
            Gen.Int[0, s_words.Length - 1].Select(index => s_words[index]),
            Gen.String[1, 8].Where(text => !text.Any(char.IsWhiteSpace)),
            Gen.Int.Select(number => number.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Gen.Select(Gen.Int[0, _table.Commands.Count - 1], word.Array[0, 5]).Sample((index, words) =>
            Assert.NotEmpty(Fail($"{_table.Commands[index].Name} {string.Join(' ', words)} \u00a7")), iter: 400, threads: 1);
        Assert.Equal(before, Snapshot());
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
