using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Nodes;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class NeighborWaitTests : IDisposable
{
    private readonly TestRouter _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_packet_waits_until_arp_has_answered() // RFC 1122, 2.3.2.2
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost);
        _test.Receive(_test.LeftPort, frame);
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request).MacTo("ff:ff:ff:ff:ff:ff")
            .Sender(TestRouter.RightMac, TestRouter.RightAddress).Target(TestRouter.RightHost);

        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Reply());
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac).Ttl(63).SamePayload(frame);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void The_latest_packets_are_kept_and_the_others_counted() // RFC 1122, 2.3.2.2
    {
        for (byte i = 0; i < 6; i++)
        {
            _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, payload: [i]));
        }

        Assert.Equal(2u, _test.Count("ip4-neighbor-wait", Reason.ArpPacketReplaced));
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Reply());
        Assert.Equal([2, 3, 4, 5], _test.RightPort.Sent.Select(sent => sent[Frame.PayloadOffset]));
    }

    [Fact]
    public void Requests_go_out_once_a_second_and_after_three_the_host_is_unreachable() // RFC 1122, 2.3.2.1; RFC 1812, 3.3.2
    {
        _test.Router.Ip4.AddNeighbor(_test.Left, Ip4Address.Parse(TestRouter.LeftHost), MacAddress.Parse(TestRouter.LeftHostMac));
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost);
        _test.Receive(_test.LeftPort, frame);
        for (int halfSeconds = 0; halfSeconds < 5; halfSeconds++)
        {
            _test.Advance(TestRouter.Second / 2);
        }

        Assert.Equal(3, _test.RightPort.Sent.Count);
        Assert.Empty(_test.LeftPort.Sent);
        _test.Advance(TestRouter.Second / 2);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 1).Quotes(frame);
        Assert.Equal(3, _test.RightPort.Sent.Count);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void Where_no_buffer_was_left_to_ask_nobody_is_called_unreachable()
    {
        BufferIndex[] all = TakeAllButOne();
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        Assert.Equal(1, _test.Router.Workers[0].Graph.HeldCount);
        for (int seconds = 0; seconds < 3; seconds++)
        {
            _test.Advance(TestRouter.Second);
        }

        _test.ExpectOnly("ip4-neighbor-wait", Reason.ArpRequestsNoBuffer);
        _test.Buffers.Return(all);
    }

    [Fact]
    public void A_request_for_which_no_buffer_was_left_goes_out_a_second_later()
    {
        BufferIndex[] all = TakeAllButOne();
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost);
        _test.Receive(_test.LeftPort, frame);
        Assert.Empty(_test.RightPort.Sent);
        _test.Buffers.Return(all);
        _test.Advance(TestRouter.Second);
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request).Target(TestRouter.RightHost);
        _test.Receive(_test.RightPort, Reply());
        Expect.Ip4(_test.RightPort.Sent[^1]).To(TestRouter.RightHost).SamePayload(frame);
    }

    [Fact]
    public void A_scan_of_many_hosts_is_throttled()
    {
        using TestRouter test = new(buffers: 8192);
        test.Router.Ip4.RemoveAddress(test.Right, TestRouter.Prefix("10.0.1.1/24"));
        test.Router.Ip4.AddAddress(test.Right, TestRouter.Prefix("10.1.0.1/16"));
        for (int i = 0; i < Ip4NeighborWaitNode.MaxNeighbors + 10; i++)
        {
            test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, $"10.1.{(i >> 8) + 1}.{i & 255}"));
        }

        test.Run();
        Assert.Equal(10u, test.Left.Counters.Drops);
        test.ExpectNoLeak();
        for (int seconds = 0; seconds < 8; seconds++)
        {
            test.Advance(TestRouter.Second);
        }

        Assert.Equal(test.Buffers.Count, test.Buffers.FreeCount);
    }

    [Fact]
    public void Packets_that_wait_are_returned_when_their_interface_is_removed()
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        Assert.Equal(1, _test.Router.Workers[0].Graph.HeldCount);
        _test.Router.Interfaces.Remove(_test.Right);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
        Assert.Equal(1u, _test.Count("ip4-neighbor-wait", Reason.InterfaceDeleted));
    }

    [Fact]
    public void Packets_that_wait_are_returned_when_the_interface_they_came_by_is_removed()
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        _test.Router.Interfaces.Remove(_test.Left);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
        _test.Receive(_test.RightPort, Reply());
    }

    [Fact]
    public void On_an_interface_that_no_longer_routes_nobody_is_asked_and_the_network_is_unreachable()
    {
        _test.WithNeighbors().Router.Ip4.RemoveNeighbor(_test.Right, Ip4Address.Parse(TestRouter.RightHost));
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost);
        _test.Receive(_test.LeftPort, frame);
        _test.RightPort.Sent.Clear();
        _test.Router.Bridging.Join(_test.Right, _test.Router.Bridging.Create(10));
        _test.Advance(TestRouter.Second);
        Assert.Empty(_test.RightPort.Sent);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 0).Quotes(frame);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void What_was_to_be_announced_on_an_interface_that_no_longer_routes_is_not()
    {
        _test.Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix("10.0.2.1/24"));
        _test.Router.Bridging.Join(_test.Right, _test.Router.Bridging.Create(10));
        _test.Run();
        Assert.Empty(_test.RightPort.Sent);
    }

    [Fact]
    public void A_route_s_next_hop_is_asked_for_and_the_packet_follows()
    {
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.9"));
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request)
            .Sender(TestRouter.RightMac, TestRouter.RightAddress).Target(TestRouter.RightHost);
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Reply());
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac).To("192.0.2.9");
    }

    [Fact]
    public void A_next_hop_is_asked_for_from_an_address_that_the_interface_has()
    {
        _test.Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix("10.0.1.9/24"));
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse("10.0.1.3"));
        _test.Run();
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.9"));
        _test.Router.Ip4.RemoveAddress(_test.Right, TestRouter.Prefix("10.0.1.1/24"));
        _test.Advance(TestRouter.Second);
        Assert.Equal(2, _test.RightPort.Sent.Count);
        Expect.Arp(_test.RightPort.Sent[0], ArpHeader.Request).Sender(TestRouter.RightMac, TestRouter.RightAddress);
        Expect.Arp(_test.RightPort.Sent[1], ArpHeader.Request).Sender(TestRouter.RightMac, "10.0.1.9");

        _test.RightPort.Sent.Clear();
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "198.51.100.9"));
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request).Sender(TestRouter.RightMac, "10.0.1.9").Target("10.0.1.3");
    }

    [Fact]
    public void A_packet_follows_its_next_hop_s_answer_even_if_the_next_hop_itself_is_routed_elsewhere()
    {
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Router.Ip4.AddRoute(TestRouter.Prefix(TestRouter.RightHost + "/32"), Ip4Address.Parse("10.0.1.77"));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.9"));
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Reply());
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac).To("192.0.2.9");
    }

    [Fact]
    public void A_packet_that_waits_follows_its_route_to_another_next_hop_and_those_of_other_routes_wait_on()
    {
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "198.51.100.9"));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.9"));
        _test.RightPort.Sent.Clear();
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse("10.0.1.3"));
        _test.Run();
        Expect.Arp(Assert.Single(_test.RightPort.Sent), ArpHeader.Request).Target("10.0.1.3");

        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Reply());
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac).To("198.51.100.9");
        _test.RightPort.Sent.Clear();
        _test.Receive(_test.RightPort, Frame.Arp(ArpHeader.Reply, "02:00:00:00:01:03", "10.0.1.3", TestRouter.RightAddress, TestRouter.RightMac));
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo("02:00:00:00:01:03").To("192.0.2.9");
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void A_packet_that_waits_is_answered_when_its_route_is_removed()
    {
        _test.WithNeighbors().Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse("10.0.1.3"));
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, "192.0.2.9");
        _test.Receive(_test.LeftPort, frame);
        _test.Router.Ip4.RemoveRoute(TestRouter.Prefix("192.0.2.0/24"));
        _test.Run();
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 0).Quotes(frame);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void A_packet_that_waits_is_the_router_s_when_its_destination_becomes_an_own_address()
    {
        _test.WithNeighbors().Receive(_test.LeftPort, Frame.EchoRequest(TestRouter.LeftHost, "10.0.1.3"));
        _test.Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix("10.0.1.3/24"));
        _test.Run();
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).From("10.0.1.3").Icmp(IcmpHeader.EchoReply, 0);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    private BufferIndex[] TakeAllButOne()
    {
        var all = new BufferIndex[_test.Buffers.Count - 1];
        Assert.Equal(all.Length, _test.Buffers.Take(all));
        return all;
    }

    private static byte[] Reply() => Frame.Arp(
        ArpHeader.Reply, TestRouter.RightHostMac, TestRouter.RightHost, TestRouter.RightAddress, TestRouter.RightMac);
}
