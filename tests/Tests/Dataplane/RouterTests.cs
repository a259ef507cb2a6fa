using Verbena.Dataplane;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

public sealed class RouterTests : IDisposable
{
    private readonly TestRouter _test = new();

    private Router Router => _test.Router;

    public void Dispose() => _test.Dispose();

    [Fact]
    public void The_table_holds_what_VPP_lists_for_a_connected_network()
    {
        Router.Interfaces.Remove(_test.Right);
        Assert.Equal(
            """
            0.0.0.0/0 Unreachable
            0.0.0.0/32 Drop
            10.0.0.0/24 Glean left
            10.0.0.0/32 Drop
            10.0.0.1/32 Receive left
            10.0.0.255/32 Drop
            224.0.0.0/4 Drop
            240.0.0.0/4 Drop
            255.255.255.255/32 Drop
            """,
            Routes());
    }

    [Theory]
    [InlineData("10.9.0.0/31", "10.9.0.0/31 Glean left\n10.9.0.0/32 Receive left")] // RFC 3021
    [InlineData("10.9.0.7/32", "10.9.0.7/32 Receive left")]
    public void Point_to_point_and_host_prefixes_have_no_broadcast_address(string address, string expected)
    {
        Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix(address));
        Assert.True(HasRoute(expected));
        Assert.Equal(expected.Split('\n').Length, Routes().Split('\n').Count(route => route.StartsWith("10.9.", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_second_address_shares_the_network_and_its_removal_leaves_the_first()
    {
        string before = Routes();
        Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix("10.0.0.9/24"));
        Assert.True(HasRoute("10.0.0.9/32 Receive left"));
        Router.Ip4.RemoveAddress(_test.Left, TestRouter.Prefix("10.0.0.1/24"));
        Assert.True(HasRoute("10.0.0.0/24 Glean left"));
        Assert.False(HasRoute("10.0.0.1/32 Receive left"));
        Assert.Equal("10.0.0.9/24", Router.Ip4.FibEntries.Single(entry => entry.Prefix == TestRouter.Prefix("10.0.0.0/24")).Adjacency.Source.ToString());
        Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix("10.0.0.1/24"));
        Router.Ip4.RemoveAddress(_test.Left, TestRouter.Prefix("10.0.0.9/24"));
        Assert.Equal(before, Routes());
    }

    [Theory]
    [InlineData("10.0.0.1/24", "failed to add 10.0.0.1/24 on left which conflicts with 10.0.0.1/24 for interface left")]
    [InlineData("10.0.1.7/24", "failed to add 10.0.1.7/24 on left which conflicts with 10.0.1.1/24 for interface right")]
    [InlineData("10.0.0.5/16", "failed to add 10.0.0.5/16 on left which conflicts with 10.0.0.1/24 for interface left")]
    [InlineData("10.3.0.0/24", "10.3.0.0/24 is not the address of a host with its prefix length")]
    [InlineData("10.3.0.255/24", "10.3.0.255/24 is not the address of a host with its prefix length")]
    [InlineData("224.0.0.1/24", "224.0.0.1/24 is not the address of a host with its prefix length")]
    [InlineData("127.0.0.1/8", "127.0.0.1/8 is not the address of a host with its prefix length")]
    public void An_address_that_makes_no_sense_is_refused_and_changes_nothing(string address, string message)
    {
        string before = Routes();
        RouterException refused = Assert.Throws<RouterException>(() => Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix(address)));
        Assert.Equal(message, refused.Message);
        Assert.Equal(before, Routes());
        Assert.Equal(TestRouter.Prefix("10.0.0.1/24"), Assert.Single(_test.Left.Addresses));
    }

    [Fact]
    public void What_is_not_there_can_not_be_removed()
    {
        Assert.Equal("10.0.0.9/24 not found for interface left",
            Assert.Throws<RouterException>(() => Router.Ip4.RemoveAddress(_test.Left, TestRouter.Prefix("10.0.0.9/24"))).Message);
        Assert.Throws<RouterException>(() => Router.Ip4.RemoveNeighbor(_test.Left, Ip4Address.Parse("10.0.0.9")));
        Assert.Throws<RouterException>(() => Router.Ip4.RemoveRoute(TestRouter.Prefix("192.0.2.0/24")));
        Assert.Throws<RouterException>(() => Router.Interfaces.Remove(Router.Interfaces.All[0]));
    }

    [Fact]
    public void Local0_has_no_addresses_and_no_state()
    {
        Interface local0 = Router.Interfaces.All[0];
        Assert.Equal(("local0", 0), (local0.Name, local0.Index));
        Assert.Equal("local0 interface doesn't support IP addressing",
            Assert.Throws<RouterException>(() => Router.Ip4.AddAddress(local0, TestRouter.Prefix("10.9.0.1/24"))).Message);
        Assert.Throws<RouterException>(() => Router.Interfaces.SetAdminUp(local0, up: true));
    }

    [Fact]
    public void Two_interfaces_can_not_have_one_name()
    {
        using TestPort port = new(_test.Buffers, "left", "02:00:00:00:00:77");
        Assert.Throws<RouterException>(() => Router.Interfaces.Add(port));
        Assert.Equal(3, Router.Interfaces.All.Count);
    }

    [Fact]
    public void A_removed_interface_takes_its_routes_and_neighbors_along_and_its_index_is_used_again()
    {
        _test.WithNeighbors();
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        int index = _test.Right.Index;
        Router.Interfaces.Remove(_test.Right);
        Assert.False(HasRoute("right"));
        Assert.True(HasRoute("192.0.2.0/24 Unresolved"));
        Assert.Equal($"{TestRouter.LeftHost}={TestRouter.LeftHostMac}", Neighbors());
        Assert.Null(Router.Interfaces.Find("right"));

        using TestPort again = new(_test.Buffers, "again", "02:00:00:00:00:77");
        Assert.Equal(index, Router.Interfaces.Add(again).Index);
    }

    [Fact]
    public void A_route_leads_nowhere_while_the_network_of_its_next_hop_is_not_there()
    {
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Assert.True(HasRoute("192.0.2.0/24 Incomplete right"));
        Router.Interfaces.SetAdminUp(_test.Right, up: false);
        Assert.True(HasRoute("192.0.2.0/24 Unresolved"));
        Router.Interfaces.SetAdminUp(_test.Right, up: true);
        Assert.True(HasRoute("192.0.2.0/24 Incomplete right"));
        Router.Ip4.RemoveAddress(_test.Right, TestRouter.Prefix(TestRouter.RightAddress + "/24"));
        Assert.True(HasRoute("192.0.2.0/24 Unresolved"));
        Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix(TestRouter.RightAddress + "/24"));
        Assert.True(HasRoute("192.0.2.0/24 Incomplete right"));
        Router.Ip4.AddNeighbor(_test.Right, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));
        Assert.True(HasRoute("192.0.2.0/24 Rewrite right"));
        Router.Ip4.RemoveRoute(TestRouter.Prefix("192.0.2.0/24"));
        Assert.False(HasRoute("192.0.2.0/24"));
    }

    [Fact]
    public void A_route_whose_next_hop_is_an_own_address_now_leads_nowhere_until_it_is_another_s_again()
    {
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix(TestRouter.RightHost + "/24"));
        Assert.True(HasRoute("192.0.2.0/24 Unresolved"));
        Router.Ip4.RemoveAddress(_test.Right, TestRouter.Prefix(TestRouter.RightHost + "/24"));
        Assert.True(HasRoute("192.0.2.0/24 Incomplete right"));
    }

    [Fact]
    public void A_route_that_leads_nowhere_can_be_removed_and_replaced()
    {
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Router.Interfaces.Remove(_test.Right);
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.LeftHost));
        Router.Ip4.RemoveRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Assert.True(HasRoute("192.0.2.0/24 Incomplete left"));
        Assert.False(HasRoute("198.51.100.0/24"));
    }

    [Fact]
    public void The_default_route_can_be_set_and_removed()
    {
        Router.Ip4.AddRoute(TestRouter.Prefix("0.0.0.0/0"), Ip4Address.Parse(TestRouter.RightHost));
        Assert.True(HasRoute("0.0.0.0/0 Incomplete right"));
        Router.Ip4.RemoveRoute(TestRouter.Prefix("0.0.0.0/0"));
        Assert.True(HasRoute("0.0.0.0/0 Unreachable"));
    }

    [Theory]
    [InlineData("192.0.2.0/24", "172.16.0.1")] // not connected
    [InlineData("192.0.2.0/24", "10.0.0.1")]   // an own address
    [InlineData("224.0.0.0/4", "10.0.0.2")]    // a reserved network
    public void A_route_that_makes_no_sense_is_refused(string prefix, string nextHop)
    {
        string before = Routes();
        Assert.Throws<RouterException>(() => Router.Ip4.AddRoute(TestRouter.Prefix(prefix), Ip4Address.Parse(nextHop)));
        Assert.Equal(before, Routes());
    }

    [Fact]
    public void A_new_mac_address_is_used_and_announced()
    {
        _test.WithNeighbors();
        Router.Interfaces.SetMacAddress(_test.Right, MacAddress.Parse("02:00:00:00:01:99"));
        _test.Run();
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request).Sender("02:00:00:00:01:99", TestRouter.RightAddress);
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacFrom("02:00:00:00:01:99").MacTo(TestRouter.RightHostMac);
        Assert.Throws<RouterException>(() => Router.Interfaces.SetMacAddress(_test.Right, MacAddress.Broadcast));
    }

    [Theory]
    [InlineData(67)]
    [InlineData(1501)]
    public void An_mtu_out_of_range_is_refused_with_the_range(int bytes)
    {
        RouterException refused = Assert.Throws<RouterException>(() => Router.Interfaces.SetMtu(_test.Left, bytes));
        Assert.Contains("68 to 1500", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1500, _test.Left.Mtu);
    }

    [Fact]
    public void A_port_that_carries_no_packet_of_68_bytes_gets_no_interface() // RFC 791, 3.2
    {
        using TestPort port = new(_test.Buffers, "short", "02:00:00:00:00:77", maxFrameBytes: EthernetHeader.Size + Interface.MinMtu - 1);
        Assert.Equal("short can't carry IPv4 packets of more than 67 bytes, 68 are the least that a link may have: its port must take longer frames",
            Assert.Throws<RouterException>(() => Router.Interfaces.Add(port)).Message);
        Assert.Null(Router.Interfaces.Find("short"));
    }

    [Fact]
    public void A_sub_interface_whose_second_tag_leaves_less_than_68_bytes_is_refused()
    {
        using TestPort port = new(_test.Buffers, "short", "02:00:00:00:00:77", maxFrameBytes: EthernetHeader.Size + Interface.MinMtu);
        Interface parent = Router.Interfaces.Add(port);
        Assert.Equal("short.10 can't carry IPv4 packets of more than 64 bytes, 68 are the least that a link may have: its port must take longer frames",
            Assert.Throws<RouterException>(() => Router.Interfaces.AddSub(parent, 10, VlanMatch.TwoTags(EtherType.ServiceVlan, 10, 20, exact: true))).Message);
        Assert.Empty(parent.SubInterfaces);
        Assert.Equal(Interface.MinMtu, Router.Interfaces.AddSub(parent, 10, VlanMatch.OneTag(EtherType.Vlan, 10, exact: true)).Mtu);
    }

    [Fact]
    public void A_neighbor_that_stays_silent_is_asked_and_then_forgotten() // RFC 1122, 2.3.2.1: unicast poll
    {
        _test.Receive(_test.LeftPort, Frame.Arp(
            ArpHeader.Request, TestRouter.LeftHostMac, TestRouter.LeftHost, TestRouter.LeftAddress));
        _test.LeftPort.Sent.Clear();
        _test.Advance(NeighborTable.MaxAgeNanoseconds - 1);
        Assert.Empty(_test.LeftPort.Sent);
        for (int i = 0; i < 3; i++)
        {
            _test.Advance(NeighborTable.ProbeIntervalNanoseconds);
        }

        Assert.Equal(3, _test.LeftPort.Sent.Count);
        Expect.Arp(_test.LeftPort.Sent[0], ArpHeader.Request).MacTo(TestRouter.LeftHostMac)
            .Sender(TestRouter.LeftMac, TestRouter.LeftAddress).Target(TestRouter.LeftHost);
        Assert.Single(Router.Ip4.Neighbors);
        _test.Advance(NeighborTable.ProbeIntervalNanoseconds);
        Assert.Empty(Router.Ip4.Neighbors);
        Assert.False(HasRoute("10.0.0.2/32"));
    }

    [Fact]
    public void A_neighbor_that_answers_the_poll_stays()
    {
        _test.Receive(_test.LeftPort, Frame.Arp(
            ArpHeader.Request, TestRouter.LeftHostMac, TestRouter.LeftHost, TestRouter.LeftAddress));
        _test.Advance(NeighborTable.MaxAgeNanoseconds);
        _test.Receive(_test.LeftPort, Frame.Arp(
            ArpHeader.Reply, TestRouter.LeftHostMac, TestRouter.LeftHost, TestRouter.LeftAddress, TestRouter.LeftMac));
        for (int i = 0; i < 10; i++)
        {
            _test.Advance(NeighborTable.ProbeIntervalNanoseconds);
        }

        Assert.Equal(_test.Now - (10 * TestRouter.Second), Assert.Single(Router.Ip4.Neighbors).UpdatedAt);
    }

    [Fact]
    public void A_neighbor_is_not_forgotten_for_polls_that_were_not_sent()
    {
        const int Neighbors = 1100; // more than the control thread can ask for at a time
        Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix("10.9.0.1/16"));
        for (int i = 0; i < Neighbors; i++)
        {
            _test.Receive(_test.LeftPort, Frame.Arp(
                ArpHeader.Request, TestRouter.LeftHostMac, $"10.9.{1 + (i >> 8)}.{i & 255}", "10.9.0.1"));
        }

        long due = _test.Now + NeighborTable.MaxAgeNanoseconds;
        for (int i = 0; i <= NeighborTable.MaxProbes; i++)
        {
            Router.Maintain(due + (i * NeighborTable.ProbeIntervalNanoseconds)); // the worker does not get to send any
        }

        Assert.Equal(Neighbors, Router.Ip4.Neighbors.Count);
    }

    [Fact]
    public void A_static_neighbor_is_kept_while_its_interface_is_down_but_not_routed_to()
    {
        _test.WithNeighbors();
        Router.Interfaces.SetAdminUp(_test.Right, up: false);
        Assert.False(HasRoute("right"));
        Assert.Contains(TestRouter.RightHost, Neighbors(), StringComparison.Ordinal);
        Router.Interfaces.SetAdminUp(_test.Right, up: true);
        Assert.True(HasRoute("10.0.1.2/32 Rewrite right"));
    }

    [Fact]
    public void Neighbors_and_routes_can_be_set_before_the_interface_is_up()
    {
        Router.Interfaces.SetAdminUp(_test.Right, up: false);
        Router.Ip4.AddNeighbor(_test.Right, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));
        Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        Router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse("10.0.1.9"), _test.Right);
        Router.Interfaces.SetAdminUp(_test.Right, up: true);
        Assert.True(HasRoute("192.0.2.0/24 Rewrite right"));
        Assert.True(HasRoute("198.51.100.0/24 Incomplete right"));
    }

    [Theory]
    [InlineData("10.0.1.1", "10.0.1.1 is no host of a network that right is connected to")] // its own address
    [InlineData("10.0.0.2", "10.0.0.2 is no host of a network that right is connected to")]
    public void Addresses_that_no_neighbor_can_have_are_refused_while_the_interface_is_down_too(string address, string message)
    {
        Router.Interfaces.SetAdminUp(_test.Right, up: false);
        Assert.Equal(message, Assert.Throws<RouterException>(() =>
            Router.Ip4.AddNeighbor(_test.Right, Ip4Address.Parse(address), MacAddress.Parse(TestRouter.RightHostMac))).Message);
        Assert.Throws<RouterException>(() => Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(address), _test.Right));
    }

    [Fact]
    public void A_static_neighbor_neither_ages_nor_changes_by_arp()
    {
        _test.WithNeighbors();
        _test.Receive(_test.LeftPort, Frame.Arp(
            ArpHeader.Request, "02:00:00:00:00:66", TestRouter.LeftHost, TestRouter.LeftAddress));
        for (int i = 0; i < 10; i++)
        {
            _test.Advance(NeighborTable.MaxAgeNanoseconds);
        }

        Assert.Equal($"{TestRouter.LeftHost}={TestRouter.LeftHostMac} {TestRouter.RightHost}={TestRouter.RightHostMac}", Neighbors());
    }

    [Fact]
    public void Counters_are_cleared_by_remembering()
    {
        _test.WithNeighbors().Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        _test.Receive(_test.LeftPort, Frame.Ip4("127.0.0.1", TestRouter.RightHost));
        Assert.Equal((2u, 1u, 2u), (_test.Left.Counters.RxPackets, _test.Left.Counters.Drops, _test.Left.Counters.Ip4));
        Assert.Equal((1u, 60u), (_test.Right.Counters.TxPackets, _test.Right.Counters.TxBytes));
        Assert.NotEmpty(Router.Errors);
        Router.Interfaces.ClearCounters();
        Router.ClearErrors();
        Assert.Equal(default, _test.Left.Counters);
        Assert.Equal(default, _test.Right.Counters);
        Assert.Empty(Router.Errors);
    }

    [Fact]
    public void Runtime_tells_calls_and_vectors_of_each_node()
    {
        _test.WithNeighbors();
        Router.ClearRuntime(_test.Now);
        for (int i = 0; i < 10; i++)
        {
            _test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        }

        _test.Advance(TestRouter.Second);
        RuntimeSnapshot runtime = Router.ReadRuntime(_test.Now)[0];
        Assert.Equal(TestRouter.Second, runtime.ElapsedNanoseconds);
        Assert.Equal(2u, runtime.Loops);
        foreach (string name in (string[])["ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite", "interface-output", "right-tx"])
        {
            NodeRuntime node = runtime.Nodes.Single(candidate => candidate.Name == name);
            Assert.Equal((1u, 10u), (node.Calls, node.Vectors));
        }

        NodeRuntime input = runtime.Nodes.Single(candidate => candidate.Kind == NodeKind.Input && candidate.Vectors > 0);
        Assert.Equal(("rdma-input", 2u, 10u), (input.Name, input.Calls, input.Vectors));
        Assert.Equal(
            string.Join(' ', runtime.Nodes.Select(node => node.Name).Order(StringComparer.Ordinal)),
            string.Join(' ', runtime.Nodes.Select(node => node.Name)));
    }

    /// <summary>The forwarding table, a line an entry.</summary>
    private string Routes() => string.Join('\n',
        Router.Ip4.FibEntries.Select(entry => $"{entry.Prefix} {entry.Adjacency.Kind} {entry.Adjacency.Interface}".TrimEnd()));

    private bool HasRoute(string text) => Routes().Contains(text, StringComparison.Ordinal);

    private string Neighbors() => string.Join(' ', Router.Ip4.Neighbors.Select(n => $"{n.Address}={n.MacAddress}"));
}
