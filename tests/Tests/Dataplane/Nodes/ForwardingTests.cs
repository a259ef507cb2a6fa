using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class ForwardingTests : IDisposable
{
    private readonly TestRouter _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_packet_for_a_neighbor_is_forwarded_with_its_ttl_counted_down() // RFC 1812, 5.2.1 and 5.3.1
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 64);
        _test.WithNeighbors().Receive(_test.LeftPort, frame);

        Expect.Ip4(Assert.Single(_test.RightPort.Sent))
            .MacFrom(TestRouter.RightMac).MacTo(TestRouter.RightHostMac)
            .From(TestRouter.LeftHost).To(TestRouter.RightHost).Ttl(63).SamePayload(frame);
        Assert.Empty(_test.LeftPort.Sent);
        _test.ExpectNoLeak();
    }

    [Fact]
    public void The_padding_of_a_short_frame_is_not_forwarded()
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, payload: [1, 2, 3]);
        Array.Resize(ref frame, EthernetHeader.MinFrameBytes);
        _test.WithNeighbors().Receive(_test.LeftPort, frame);

        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).PayloadEquals([1, 2, 3]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_packet_with_ttl_1_or_less_is_answered_with_time_exceeded(byte ttl) // RFC 1812, 5.3.1
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl);
        _test.WithNeighbors().Receive(_test.LeftPort, frame);

        Assert.Empty(_test.RightPort.Sent);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent))
            .MacTo(TestRouter.LeftHostMac).From(TestRouter.LeftAddress).To(TestRouter.LeftHost).Ttl(64).TypeOfService(0xC0)
            .Icmp(IcmpHeader.TimeExceeded, 0).Quotes(frame);
        Assert.Equal(1u, _test.Count("ip4-icmp-error", Reason.TimeExceededSent));
    }

    [Fact]
    public void A_packet_without_a_route_is_answered_with_network_unreachable() // RFC 1812, 4.3.3.1
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, "192.0.2.1");
        _test.WithNeighbors().Receive(_test.LeftPort, frame);

        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 0).Quotes(frame);
    }

    [Fact]
    public void A_packet_whose_route_leads_nowhere_now_does_not_take_a_shorter_one()
    {
        _test.WithNeighbors().Router.Ip4.AddRoute(TestRouter.Prefix("0.0.0.0/0"), Ip4Address.Parse(TestRouter.LeftHost));
        _test.Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Router.Interfaces.SetAdminUp(_test.Right, up: false);

        byte[] frame = Frame.Ip4(TestRouter.LeftHost, "192.0.2.1");
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 0).Quotes(frame);

        _test.LeftPort.Sent.Clear();
        _test.Router.ClearErrors();
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.1", flagsAndOffset: 1)); // gets no answer
        _test.ExpectOnly("ip4-lookup", Reason.Ip4NextHopUnresolved);
    }

    [Fact]
    public void A_packet_too_long_with_dont_fragment_is_answered_with_the_mtu() // RFC 1191, 4
    {
        _test.WithNeighbors().Router.Interfaces.SetMtu(_test.Right, 576);
        byte[] frame = Frame.Ip4(
            TestRouter.LeftHost, TestRouter.RightHost, payload: new byte[800], flagsAndOffset: Ip4Header.DontFragment);
        _test.Receive(_test.LeftPort, frame);

        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).TotalLength(576)
            .Icmp(IcmpHeader.DestinationUnreachable, 4).NextHopMtu(576).Quotes(frame);
        Assert.Empty(_test.RightPort.Sent);
    }

    [Fact]
    public void A_packet_too_long_that_may_be_fragmented_is() // RFC 1812, 4.2.2.7; RFC 791, 3.2
    {
        byte[] payload = new byte[1200];
        new Random(1).NextBytes(payload);
        byte[] options = [0x94, 4, 0, 0, 7, 3, 4, 0]; // router alert is copied into every fragment, record route is not
        _test.WithNeighbors().Router.Interfaces.SetMtu(_test.Right, 576);
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, payload: payload, options: options);
        _test.Receive(_test.LeftPort, frame);

        Assert.Equal(3, _test.RightPort.Sent.Count);
        Expect.Ip4(_test.RightPort.Sent[0]).FlagsAndOffset(0x2000).Ttl(63).PayloadEquals(payload.AsSpan(0, 544));
        Expect.Ip4(_test.RightPort.Sent[1]).FlagsAndOffset(0x2000 | 68).Ttl(63).PayloadEquals(payload.AsSpan(544, 544));
        Expect.Ip4(_test.RightPort.Sent[2]).FlagsAndOffset(136).Ttl(63).PayloadEquals(payload.AsSpan(1088));
        Assert.Equal(options.AsSpan(0, 4).ToArray(), _test.RightPort.Sent[1].AsSpan(Frame.PayloadOffset, 4).ToArray());
        Assert.Equal(0x46, _test.RightPort.Sent[1][Frame.Ip4Offset]);
        _test.ExpectNoLeak();
    }

    [Theory]
    [InlineData(68)]
    [InlineData(1500)]
    public void A_packet_of_several_buffers_is_fragmented_into_as_many_as_it_takes(int mtu)
    {
        byte[] payload = new byte[9000];
        new Random(2).NextBytes(payload);
        _test.WithNeighbors().Router.Interfaces.SetMtu(_test.Right, mtu);
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, payload: payload));

        int pieceBytes = (mtu - Ip4Header.Size) & ~7;
        Assert.Equal((payload.Length + pieceBytes - 1) / pieceBytes, _test.RightPort.Sent.Count);
        Assert.Equal(payload, _test.RightPort.Sent.SelectMany(frame => frame[(Frame.Ip4Offset + Ip4Header.Size)..]));
        _test.ExpectNoLeak();
    }

    [Fact]
    public void A_packet_of_several_buffers_for_which_there_are_too_few_for_fragments_is_dropped()
    {
        using TestRouter small = new(buffers: 60);
        small.WithNeighbors().Router.Interfaces.SetMtu(small.Right, 68);
        small.Receive(small.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, payload: new byte[9000]));
        Assert.Empty(small.RightPort.Sent);
        small.ExpectNoLeak();
    }

    [Fact]
    public void A_packet_leaves_by_a_route_to_its_next_hop()
    {
        _test.WithNeighbors().Router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, "192.0.2.77"));

        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac).To("192.0.2.77").Ttl(63);
    }

    [Fact]
    public void Packets_for_broadcast_and_multicast_addresses_are_not_forwarded() // RFC 1812, 5.3.5
    {
        foreach (string destination in (string[])["10.0.1.255", "10.0.1.0", "255.255.255.255", "224.0.0.1", "240.0.0.1"])
        {
            _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, destination));
        }

        Assert.Empty(_test.LeftPort.Sent);
        Assert.Empty(_test.RightPort.Sent);
        Assert.Equal(5u, _test.Count("ip4-lookup", Reason.Ip4NotForwarded));
    }

    [Fact]
    public void A_full_transmit_queue_costs_the_packets_that_do_not_fit_and_nothing_else()
    {
        using TestRouter test = new(leftTxCapacity: 3);
        test.WithNeighbors();
        for (int i = 0; i < 10; i++)
        {
            test.RightPort.Arriving.Enqueue(
                Frame.Ip4(TestRouter.RightHost, TestRouter.LeftHost, macDestination: TestRouter.RightMac));
        }

        test.Run();
        Assert.Equal(3, test.LeftPort.Sent.Count);
        Assert.Equal(7u, test.Count("left-tx", Reason.NoFreeTxSlots));
        Assert.Equal(7u, test.Left.Counters.TxErrors);
        test.ExpectNoLeak();
    }

    [Fact]
    public void A_transmit_queue_that_has_stopped_for_good_is_told_from_a_full_one()
    {
        _test.WithNeighbors();
        _test.RightPort.TxIsStopped = true;
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        _test.ExpectOnly("right-tx", Reason.TxQueueStopped);
        Assert.Equal(1u, _test.Right.Counters.TxErrors);
    }

    [Fact]
    public void A_thousand_packets_in_one_turn_all_pass()
    {
        _test.WithNeighbors();
        for (int i = 0; i < 1000; i++)
        {
            _test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
            _test.RightPort.Arriving.Enqueue(
                Frame.Ip4(TestRouter.RightHost, TestRouter.LeftHost, macDestination: TestRouter.RightMac));
        }

        _test.Run();
        Assert.Equal((1000, 1000), (_test.RightPort.Sent.Count, _test.LeftPort.Sent.Count));
        _test.ExpectNoLeak();
    }

    [Fact]
    public void An_interface_that_is_down_neither_sends_nor_keeps_what_it_receives()
    {
        _test.WithNeighbors().Router.Interfaces.SetAdminUp(_test.Right, up: false);
        _test.Receive(_test.RightPort, Frame.Ip4(TestRouter.RightHost, TestRouter.LeftHost, macDestination: TestRouter.RightMac));
        Assert.Empty(_test.LeftPort.Sent);
        Assert.Equal(1u, _test.Count("rdma-input", Reason.InterfaceDown));

        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        Assert.Empty(_test.RightPort.Sent);
    }
}
