using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class SteeringTests : IDisposable
{
    private const string MacA = "02:00:00:00:00:01";
    private const string MacB = "02:00:00:00:00:02";
    private const string Group = "01:00:00:00:00:00";
    private readonly TestPort _port = new();
    private readonly TestProgram _a;
    private readonly TestProgram _b;

    public SteeringTests()
    {
        _a = new TestProgram(_port.Nic);
        _b = new TestProgram(_port.Nic);
        foreach ((TestProgram program, string mac) in new[] { (_a, MacA), (_b, MacB) })
        {
            // As a router's interface does it: all at priority 0, what is IPv6 first.
            program.Flow(mac, type: EtherType.Ip6);
            program.Flow(Group, Group, EtherType.Ip6, dontTrap: true);
            program.Flow(mac);
            program.Flow(Group, Group, dontTrap: true);
            program.PostReceive(8);
        }
    }

    public void Dispose()
    {
        _port.Dispose();
        _a.Dispose();
        _b.Dispose();
    }

    [Theory]
    [InlineData(MacA, EtherType.Arp, 1, 0, 0)]
    [InlineData(MacA, EtherType.Ip6, 1, 0, 0)]
    [InlineData(MacB, EtherType.Ip4, 0, 1, 0)]
    [InlineData("02:00:00:00:00:aa", EtherType.Arp, 0, 0, 1)]
    [InlineData("02:00:00:00:00:33", EtherType.Arp, 0, 0, 1)]
    [InlineData("ff:ff:ff:ff:ff:ff", EtherType.Arp, 1, 1, 1)]
    [InlineData("33:33:00:00:00:01", EtherType.Ip6, 1, 1, 1)]
    public void A_frame_from_the_wire_reaches_each_that_asked_for_it_once(string mac, ushort type, int a, int b, int linux)
    {
        _port.FromWire(TestPort.Frame(mac, type));
        Assert.Equal((a, b, linux), (Count(_a), Count(_b), _port.Netdev.Received.Count));
    }

    [Fact]
    public void A_frame_like_the_one_before_it_meets_the_flows_of_today()
    {
        void Expect(int a, int b)
        {
            _port.FromWire(TestPort.Frame(MacA), TestPort.Frame(MacA));
            Assert.Equal((a, b, 0), (Count(_a), Count(_b), _port.Netdev.Received.Count));
            _a.PostReceive(a);
            _b.PostReceive(b);
        }

        Expect(2, 0);
        FlowRule joins = _b.Flow(MacA);
        Expect(2, 2);
        _port.Nic.RemoveFlow(joins);
        Expect(2, 0);
        FlowRule comesFirst = _b.Flow(MacA, dontTrap: true);
        Expect(2, 2);
        _port.Nic.RemoveFlow(comesFirst);
        Expect(2, 0);
        FlowRule sniffs = _b.Flow(change: flow => flow with { Type = FlowType.Sniffer });
        Expect(2, 2);
        _port.Nic.RemoveFlow(sniffs);
        Expect(2, 0);
        FlowRule looksCloser = _b.Flow(MacA, type: EtherType.Ip6); // not at these frames, but at bits that told nothing before
        Expect(2, 0);
        _port.FromWire(TestPort.Frame(MacA), TestPort.Frame(MacA, EtherType.Ip6), TestPort.Frame(MacA));
        Assert.Equal((3, 1), (Count(_a), Count(_b)));
        _port.Nic.RemoveFlow(looksCloser);
        Expect(2, 0);
    }

    [Fact]
    public void What_a_flow_for_all_unicast_has_copied_reaches_Linux_only_at_its_address()
    {
        _a.Flow(Flows.Ethernet("00:00:00:00:00:00", Group), flow => flow with { Priority = 1, DontTrap = true });
        _port.FromWire(TestPort.Frame("02:00:00:00:00:33"), TestPort.Frame("02:00:00:00:00:aa"), TestPort.Frame(MacA), TestPort.Frame(MacB));
        Assert.Equal((3, 1, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count));
    }

    [Theory]
    [InlineData(MacA, 0, 0, 0, 1)] // never back to the sender
    [InlineData(MacB, 0, 1, 0, 0)]
    [InlineData("02:00:00:00:00:aa", 0, 0, 1, 0)]
    [InlineData("02:00:00:00:00:33", 0, 0, 0, 1)]
    [InlineData("ff:ff:ff:ff:ff:ff", 0, 1, 1, 1)]
    public void A_frame_that_a_program_sends_reaches_the_others_on_the_port_or_the_wire(string mac, int a, int b, int linux, int wire)
    {
        _a.Send(TestPort.Frame(mac));
        _port.Run();
        Assert.Equal((a, b, linux, wire), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void The_address_of_Linux_is_a_program_s_own_once_it_has_a_flow_for_it()
    {
        _a.Flow("02:00:00:00:00:aa");
        _a.Send(TestPort.Frame("02:00:00:00:00:aa"));
        _port.Run();
        Assert.Equal((0, 0, 0, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
        _b.Send(TestPort.Frame("02:00:00:00:00:aa"));
        _port.Run();
        Assert.Equal((1, 0, 0, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void What_Linux_sends_reaches_the_programs_or_the_wire()
    {
        _port.Netdev.Sent.Enqueue(TestPort.Frame(MacB));
        _port.Netdev.Sent.Enqueue(TestPort.Frame("ff:ff:ff:ff:ff:ff"));
        _port.Netdev.Sent.Enqueue(TestPort.Frame("02:00:00:00:00:33"));
        _port.Run();
        Assert.Equal((1, 2, 0, 2), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void While_the_netdev_is_down_what_nobody_asked_for_is_dropped_under_its_name()
    {
        _port.Netdev.IsUp = false;
        _port.FromWire(TestPort.Frame("02:00:00:00:00:33"));
        Assert.Equal(1UL, _port[PortCounter.NoMatchNetdevDown]);
        Assert.Empty(_port.Netdev.Received);
    }

    [Fact]
    public void A_flow_with_another_tag_for_the_same_frames_is_refused_with_EEXIST()
    {
        FlowParameters tagged = new() { Context = _a.Context, Destination = _a.Rss, Tag = 5, Match = Flows.Ethernet(MacA) };
        Assert.Equal(17, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged)).Errno);
        Assert.Equal(12, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Priority = 16 })).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Destination = _a.Pair })).Errno);
    }

    [Fact]
    public void A_flow_without_a_tag_joins_one_that_has_one_and_a_drop_does_not()
    {
        FlowMatch match = Flows.Ethernet("02:00:00:00:00:44");
        _a.Flow(match, f => f with { Tag = 5 });
        _b.Flow(match);
        Assert.Equal(17, Assert.Throws<NicException>(() => _b.Flow(match, f => f with { Tag = 6 })).Errno);
        Assert.Equal(17, Assert.Throws<NicException>(() => _b.Flow(match, f => f with { Action = FlowAction.Drop })).Errno);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:44"));
        Assert.Equal((5u, 5u), ((uint)_a.PollReceive()!.Value.sop_drop_qpn, (uint)_b.PollReceive()!.Value.sop_drop_qpn));
    }

    [Fact]
    public void What_a_flow_drops_reaches_nobody_and_is_counted_by_that_name()
    {
        FlowRule drop = _a.Flow(Flows.Ethernet("02:00:00:00:00:44"), f => f with { Destination = null, Action = FlowAction.Drop });
        _b.Flow(Flows.Ethernet("02:00:00:00:00:44"), f => f with { Priority = 1 });
        _port.FromWire(TestPort.Frame("02:00:00:00:00:44"));
        Assert.Equal((0, 0, 0), (Count(_a), Count(_b), _port.Netdev.Received.Count));
        Assert.Equal(1UL, _port[PortCounter.FlowDrop]);

        _port.Nic.RemoveFlow(drop);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:44"));
        Assert.Equal(1, Count(_b));
    }

    [Fact]
    public void A_program_that_drops_the_same_frames_as_another_sends_none_past_that_one()
    {
        FlowMatch match = Flows.Ethernet("02:00:00:00:00:44");
        _a.Flow(match, f => f with { Destination = null, Action = FlowAction.Drop });
        _b.Flow(match, f => f with { Destination = null, Action = FlowAction.Drop });
        foreach (TestProgram sender in new[] { _a, _b })
        {
            sender.Send(TestPort.Frame("02:00:00:00:00:44"));
            _port.Run();
        }

        Assert.Equal((2UL, 0), (_port[PortCounter.FlowDrop], _port.Far.Received.Count));
    }

    [Fact]
    public void A_frame_goes_on_after_a_flow_with_DONT_TRAP_and_stops_after_the_next()
    {
        FlowMatch match = Flows.Ethernet("02:00:00:00:00:44");
        _a.Flow(match, f => f with { DontTrap = true });
        _b.Flow(match, f => f with { Priority = 15 });
        _port.FromWire(TestPort.Frame("02:00:00:00:00:44"));
        Assert.Equal((1, 1, 0), (Count(_a), Count(_b), _port.Netdev.Received.Count));
    }

    [Fact]
    public void A_flow_for_multicast_only_comes_behind_all_priorities()
    {
        const string Address = "01:00:5e:00:00:05";
        _a.Flow(Flows.Ethernet(Address), f => f with { Priority = 0 });
        FlowMatch any = FlowMatch.Of(new EthernetSpec { EtherType = EtherType.Ip4, EtherTypeMask = 0xFFFF });
        FlowRule rest = _b.Flow(any, f => f with { Priority = 15 });
        _port.FromWire(TestPort.Frame(Address, EtherType.Ip4));
        Assert.Equal((1, 2), (Count(_a), Count(_b))); // each by its flow for all groups, which lets frames go on, and b by this one

        _port.Nic.RemoveFlow(rest);
        _port.FromWire(TestPort.Frame(Address, EtherType.Ip4));
        Assert.Equal((2, 1), (Count(_a), Count(_b)));
    }

    [Fact]
    public void Default_flows_get_what_is_left()
    {
        FlowRule all = _a.Flow(change: f => f with { Type = FlowType.AllDefault });
        FlowRule multicast = _b.Flow(change: f => f with { Type = FlowType.MulticastDefault });
        _port.FromWire(TestPort.Frame("02:00:00:00:00:33"), TestPort.Frame(MacB), TestPort.Frame("02:00:00:00:00:aa"));
        Assert.Equal((1, 1, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count));

        _port.FromWire(TestPort.Frame("01:00:5e:00:00:05"));
        Assert.Equal((2, 2), (Count(_a), Count(_b))); // and once by the flows that let frames go on
        _port.Nic.RemoveFlow(all);
        _port.Nic.RemoveFlow(multicast);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:33"));
        Assert.Equal((0, 2), (Count(_a), _port.Netdev.Received.Count - 1));
    }

    [Fact]
    public void Default_flows_get_broadcast_only_while_Linux_does_not_take_it()
    {
        using TestProgram other = new(_port.Nic);
        other.PostReceive(8);
        other.Flow(change: f => f with { Type = FlowType.AllDefault });
        _port.FromWire(TestPort.Frame("ff:ff:ff:ff:ff:ff"));
        Assert.Equal((0, 1), (Count(other), _port.Netdev.Received.Count));
        _port.Netdev.IsUp = false;
        _port.FromWire(TestPort.Frame("ff:ff:ff:ff:ff:ff"));
        Assert.Equal((1, 1), (Count(other), _port.Netdev.Received.Count));
    }

    [Fact]
    public void A_flow_can_hand_frames_to_Linux_past_all_later_flows()
    {
        _a.Flow(Flows.Ethernet("02:00:00:00:00:44"), f => f with { Destination = null, Action = FlowAction.DefaultMiss });
        _b.Flow(Flows.Ethernet("02:00:00:00:00:44"), f => f with { Priority = 1 });
        _port.FromWire(TestPort.Frame("02:00:00:00:00:44"));
        Assert.Equal((0, 0, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count));
    }

    [Fact]
    public void A_sniffer_gets_a_copy_of_what_the_port_receives_and_sends()
    {
        using TestProgram sniffer = new(_port.Nic);
        sniffer.PostReceive(8);
        sniffer.Flow(change: f => f with { Type = FlowType.Sniffer });
        _port.FromWire(TestPort.Frame(MacA), TestPort.Frame("02:00:00:00:00:33"));
        _b.Send(TestPort.Frame("02:00:00:00:00:34"));
        _port.Netdev.Sent.Enqueue(TestPort.Frame("02:00:00:00:00:35"));
        _port.Run();
        Assert.Equal((1, 0, 1, 2, 4), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count, Count(sniffer)));
    }

    [Fact]
    public void What_is_sent_can_be_dropped_by_a_flow_whoever_sends_it()
    {
        FlowMatch match = FlowMatch.Of(new EthernetSpec { EtherType = EtherType.Ip6, EtherTypeMask = 0xFFFF });
        _a.Flow(match, f => f with { Destination = null, IsEgress = true, Action = FlowAction.Drop });
        _b.Send(TestPort.Frame("02:00:00:00:00:33", EtherType.Ip6));
        _port.Run();
        _b.Send(TestPort.Frame("02:00:00:00:00:33"));
        _port.Netdev.Sent.Enqueue(TestPort.Frame(MacA, EtherType.Ip6));
        _port.Run();
        Assert.Equal((0, 1), (Count(_a), _port.Far.Received.Count));
        Assert.Equal(2UL, _port[PortCounter.FlowDrop]);
        Assert.Equal(95, Assert.Throws<NicException>(() => _a.Flow(match, f => f with { IsEgress = true, DontTrap = true })).Errno);
    }

    [Theory]
    [InlineData(SelfLoopback.None, 0, 0)]
    [InlineData(SelfLoopback.Unicast, 1, 0)]
    [InlineData(SelfLoopback.Multicast, 0, 1)]
    public void A_context_receives_its_own_frames_only_where_a_queue_pair_asks_for_them(SelfLoopback asked, int unicast, int multicast)
    {
        RssQueuePair pair = _port.Nic.CreateRssQueuePair(new RssParameters
        {
            Context = _a.Context,
            SelfLoopback = asked,
            Table = _port.Nic.CreateIndirectionTable([_a.Queue]),
            Fields = RssFields.None,
            Key = ToeplitzTests.Key,
        });
        _a.Flow(Flows.Ethernet("02:00:00:00:00:44"), f => f with { Destination = pair });
        _a.Flow(Flows.Ethernet("01:00:5e:00:00:05"), f => f with { Destination = pair });
        _a.Send(TestPort.Frame("02:00:00:00:00:44"));
        _port.Run();
        Assert.Equal((unicast, 1 - unicast), (Count(_a), _port.Far.Received.Count));
        _a.Send(TestPort.Frame("01:00:5e:00:00:05"));
        _port.Run();
        Assert.Equal(multicast, Count(_a));
    }

    [Fact]
    public void Multicast_that_a_program_sends_reaches_the_default_flows_of_others()
    {
        using TestProgram other = new(_port.Nic);
        other.PostReceive(8);
        other.Flow(change: f => f with { Type = FlowType.MulticastDefault });
        _a.Flow(change: f => f with { Type = FlowType.AllDefault });
        _a.Send(TestPort.Frame("01:00:5e:00:00:05"));
        _port.Run();
        _a.Send(TestPort.Frame("02:00:00:00:00:33"));
        _port.Run();
        Assert.Equal((0, 1, 2), (Count(_a), Count(other), _port.Far.Received.Count));
    }

    [Fact]
    public void Headers_inside_a_tunnel_are_steered_by()
    {
        PlannedFrame inner = new() { Destination = MacAddress.Parse("02:00:00:00:00:55"), IpVersion = 4, DestinationIp = 0x0A00_0002, Protocol = 6 };
        PlannedFrame outer = new() { Destination = MacAddress.Parse("02:00:00:00:00:44"), IpVersion = 6, Protocol = 17, Inner = inner, TunnelId = 77 };
        _a.Flow(FlowMatch.Of(new VxlanSpec { Vni = 77, VniMask = 0xFF_FFFF }, new Ip4Spec
        {
            IsInner = true,
            Destination = new Ip4Address(0x0A00_0002),
            DestinationMask = new Ip4Address(uint.MaxValue),
        }));
        _port.FromWire(outer.ToBytes(), (outer with { TunnelId = 78 }).ToBytes(), (outer with { Inner = inner with { IpVersion = 0 } }).ToBytes());
        Assert.Equal((1, 2), (Count(_a), _port.Netdev.Received.Count));
    }

    private static int Count(TestProgram program)
    {
        int count = 0;
        while (program.PollReceive() is not null)
        {
            count++;
        }

        return count;
    }
}
