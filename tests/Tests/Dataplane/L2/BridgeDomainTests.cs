using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;
using Verbena.Tests.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class BridgeDomainTests : IDisposable
{
    private readonly TestSwitch _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_broadcast_goes_to_every_other_member_unchanged_and_to_nobody_else()
    {
        _test.Bridge(members: 3);
        byte[] frame = TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0));
        _test.Receive(0, frame);
        Assert.Equal("1 2", _test.SentBy());
        Assert.All(_test.Ports[1..3], port => Assert.Equal(frame, Assert.Single(port.Sent)));
    }

    [Fact]
    public void Unicast_is_flooded_until_its_destination_is_learned_and_then_goes_there_only()
    {
        _test.Bridge();
        _test.Send(0, 1);
        Assert.Equal("1 2 3", _test.SentBy());
        _test.Send(1, 0);
        Assert.Equal("0", _test.SentBy());
        _test.Send(0, 1);
        Assert.Equal("1", _test.SentBy());
    }

    [Fact]
    public void A_frame_of_several_buffers_passes_whole_to_all()
    {
        _test.Bridge();
        byte[] frame = TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), payloadBytes: 1500);
        _test.Receive(0, frame);
        Assert.Equal("1 2 3", _test.SentBy());

        using BufferPool pool = new(12);
        byte[] jumbo = TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), payloadBytes: 9000);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetChain(packet, jumbo);
        Assert.True(pool.TryCopy(packet, out BufferIndex copy));
        byte[] copied = new byte[pool.PacketBytes(copy)];
        pool.CopyTo(copy, 0, copied);
        Assert.Equal(jumbo, copied);
        Assert.False(pool.TryCopy(packet, out _), "two buffers are left, where five are needed");
        Assert.Equal(2, pool.FreeCount);
        pool.ReturnPackets([packet, copy]);
    }

    [Fact]
    public void A_station_that_moves_is_followed()
    {
        _test.Bridge();
        _test.LearnAll();
        _test.Receive(2, TestSwitch.Frame(TestSwitch.Host(0), TestSwitch.Host(1)));
        Assert.Equal(1ul, _test.Count("l2-learn", Reason.L2MacMoves));
        _test.Send(0, 1);
        Assert.Equal("2", _test.SentBy());
    }

    [Fact]
    public void A_frame_for_where_it_came_from_is_dropped()
    {
        _test.Bridge();
        _test.LearnAll();
        _test.Receive(1, TestSwitch.Frame(TestSwitch.Host(1), MacAddress.Parse("02:00:00:00:00:99")));
        _test.ExpectDropped("l2-fwd", Reason.L2Reflection);
    }

    [Theory]
    [InlineData("01:00:00:00:00:07")]
    [InlineData("00:00:00:00:00:00")]
    public void A_frame_from_an_address_that_no_station_has_is_dropped(string source)
    {
        _test.Bridge();
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, MacAddress.Parse(source)));
        _test.ExpectDropped("l2-learn", Reason.L2BadSource);
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    [Fact]
    public void Domains_know_nothing_of_each_other_even_with_the_same_addresses()
    {
        _test.Bridge(members: 2);
        BridgeDomain other = _test.Bridging.Create(11);
        _test.Bridging.Join(_test.Interfaces[2], other);
        _test.Bridging.Join(_test.Interfaces[3], other);
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        _test.Receive(3, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        Assert.Equal("2", _test.SentBy());
        _test.Send(1, 0);
        Assert.Equal("0", _test.SentBy());
        _test.Send(2, 0);
        Assert.Equal("3", _test.SentBy());
    }

    [Fact]
    public void Members_of_one_split_horizon_group_do_not_reach_each_other()
    {
        BridgeDomain domain = _test.Bridge();
        _test.Bridging.Join(_test.Interfaces[0], domain, splitHorizonGroup: 1);
        _test.Bridging.Join(_test.Interfaces[1], domain, splitHorizonGroup: 1);
        _test.Bridging.Join(_test.Interfaces[2], domain, splitHorizonGroup: 2);
        _test.LearnAll();
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        Assert.Equal("2 3", _test.SentBy());
        _test.Send(0, 2);
        Assert.Equal("2", _test.SentBy());
        _test.Send(0, 1);
        _test.ExpectDropped("l2-output", Reason.L2SplitHorizon);
    }

    [Fact]
    public void Without_learning_all_unicast_is_unknown()
    {
        BridgeDomain domain = _test.Bridge();
        domain.Learns = false;
        _test.LearnAll();
        _test.Send(0, 1);
        Assert.Equal("1 2 3", _test.SentBy());
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    [Fact]
    public void Without_forwarding_known_unicast_is_flooded_too()
    {
        BridgeDomain domain = _test.Bridge();
        _test.LearnAll();
        domain.Forwards = false;
        _test.Send(0, 1);
        Assert.Equal("1 2 3", _test.SentBy());
    }

    [Fact]
    public void Without_flooding_broadcasts_are_dropped_and_unknown_unicast_is_not()
    {
        BridgeDomain domain = _test.Bridge();
        domain.Floods = false;
        _test.Send(0, 1);
        Assert.Equal("1 2 3", _test.SentBy());
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        _test.ExpectDropped("l2-fwd", Reason.L2FeatureDisabled);
    }

    [Fact]
    public void Without_flooding_of_unknown_unicast_that_is_dropped_and_broadcasts_are_not()
    {
        BridgeDomain domain = _test.Bridge();
        domain.FloodsUnknown = false;
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        Assert.Equal("1 2 3", _test.SentBy());
        _test.Send(0, 1);
        _test.ExpectDropped("l2-fwd", Reason.L2FeatureDisabled);
    }

    [Fact]
    public void Unknown_unicast_goes_to_the_uu_fwd_member_only_which_gets_no_broadcasts()
    {
        BridgeDomain domain = _test.Bridge();
        _test.Bridging.Join(_test.Interfaces[3], domain, BridgeRole.UuForward);
        _test.Send(0, 1);
        Assert.Equal("3", _test.SentBy());
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        Assert.Equal("1 2", _test.SentBy());
    }

    [Fact]
    public void A_member_can_be_kept_from_learning_forwarding_and_flooding()
    {
        _test.Bridge();
        _test.Bridging.SetMember(_test.Interfaces[0], learns: false);
        _test.LearnAll();
        Assert.Equal(3, _test.Bridging.AddressCount);
        _test.Bridging.SetMember(_test.Interfaces[0], forwards: false, floods: false);
        _test.Send(0, 1);
        Assert.Equal("1 2 3", _test.SentBy());
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        _test.ExpectDropped("l2-fwd", Reason.L2FeatureDisabled);
    }

    [Fact]
    public void A_broadcast_for_which_buffers_are_short_reaches_some_and_the_copies_that_were_not_made_are_counted()
    {
        using TestSwitch small = new(buffers: 2);
        small.Bridge();
        small.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        Assert.Equal(2, small.Ports.Sum(port => port.Sent.Count));
        Assert.Equal(1ul, small.Count("l2-flood", Reason.L2FloodNoBuffer));
    }

    [Fact]
    public void A_broadcast_in_a_domain_of_one_is_dropped()
    {
        _test.Bridge(members: 1);
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        _test.ExpectDropped("l2-flood", Reason.L2NoOtherMember);
    }

    [Fact]
    public void A_cross_connect_passes_everything()
    {
        _test.Bridging.CrossConnect(_test.Interfaces[0], _test.Interfaces[3]);
        _test.Bridging.CrossConnect(_test.Interfaces[3], _test.Interfaces[0]);
        byte[] frame = TestSwitch.Frame(TestSwitch.Host(1), TestSwitch.Host(0), [TestSwitch.Tag(7)]);
        _test.Receive(0, frame);
        Assert.Equal(frame, Assert.Single(_test.Ports[3].Sent));
    }

    [Fact]
    public void What_a_cross_connect_leads_to_must_be_in_L2_mode_and_exist()
    {
        _test.Bridging.CrossConnect(_test.Interfaces[0], _test.Interfaces[3]);
        _test.Send(0, 1);
        _test.ExpectDropped("l2-output", Reason.L2BadInterface);

        _test.Bridging.CrossConnect(_test.Interfaces[3], _test.Interfaces[0]);
        _test.Send(0, 1);
        Assert.Equal("3", _test.SentBy());
        _test.Router.Interfaces.Remove(_test.Interfaces[3]);
        _test.Send(0, 1);
        _test.ExpectDropped("l2-input", Reason.L2BadInterface);
    }

    [Fact]
    public void A_frame_longer_than_the_interface_allows_is_dropped()
    {
        _test.Bridge();
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), payloadBytes: 1505));
        Assert.Equal("", _test.SentBy());
        Assert.Equal(3ul, _test.Count("l2-output", Reason.L2TooLong));
    }

    [Fact]
    public void A_member_that_left_or_was_removed_is_forgotten()
    {
        BridgeDomain domain = _test.Bridge();
        _test.LearnAll();
        _test.Bridging.Leave(_test.Interfaces[1]);
        _test.Router.Interfaces.Remove(_test.Interfaces[2]);
        Assert.Equal(2, _test.Bridging.AddressCount);
        Assert.Equal(2, domain.LearnCount);
        _test.Send(0, 1);
        Assert.Equal("3", _test.SentBy());
        _test.Send(1, 0);
        _test.ExpectDropped("ethernet-input", Reason.MacMismatch);
    }

    [Fact]
    public void What_was_seen_before_a_flush_does_not_come_back()
    {
        BridgeDomain domain = _test.Bridge();
        See(port: 0);
        _test.Bridging.Flush(domain);
        _test.Router.Maintain(_test.Now);
        Assert.Equal(0, _test.Bridging.AddressCount);

        See(port: 1);
        _test.Bridging.Flush(_test.Interfaces[1]);
        See(port: 2);
        _test.Bridging.RemoveAddress(domain, TestSwitch.Host(2));
        _test.Router.Maintain(_test.Now);
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    [Fact]
    public void What_was_seen_in_one_domain_is_not_learned_in_the_next()
    {
        _test.Bridge();
        See(port: 0);
        _test.Bridging.Join(_test.Interfaces[0], _test.Bridging.Create(11));
        _test.Router.Maintain(_test.Now);
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    [Fact]
    public void What_was_seen_behind_a_removed_interface_is_not_learned_for_the_next_that_has_its_index()
    {
        BridgeDomain domain = _test.Bridge();
        See(port: 0);
        _test.Router.Interfaces.Remove(_test.Interfaces[0]);
        Interface next = _test.Router.Interfaces.Add(_test.Ports[0]);
        Assert.Equal(_test.Interfaces[0].Index, next.Index);
        _test.Bridging.Join(next, domain);
        _test.Router.Maintain(_test.Now);
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    [Fact]
    public void A_domain_with_members_can_not_be_deleted()
    {
        BridgeDomain domain = _test.Bridge(members: 1);
        Assert.Contains("in use", Assert.Throws<RouterException>(() => _test.Bridging.Delete(domain)).Message, StringComparison.Ordinal);
        _test.Bridging.Leave(_test.Interfaces[0]);
        _test.Bridging.Delete(domain);
        Assert.Empty(_test.Bridging.Domains);
        Assert.Equal(1, _test.Bridging.Create(12).Index);
    }

    [Fact]
    public void In_L2_mode_an_interface_has_no_routes_and_gets_them_back()
    {
        _test.Router.Ip4.AddAddress(_test.Interfaces[0], TestRouter.Prefix("10.0.0.1/24"));
        int before = _test.Router.Ip4.FibEntries.Count;
        _test.Bridge(members: 2);
        Assert.True(_test.Router.Ip4.FibEntries.Count < before);
        _test.Bridging.Leave(_test.Interfaces[0]);
        Assert.Equal(before, _test.Router.Ip4.FibEntries.Count);
    }

    /// <summary>A host says something, and the control thread has not been told of it yet.</summary>
    private void See(int port)
    {
        _test.Ports[port].Arriving.Enqueue(TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(port)));
        Assert.True(_test.Router.Workers[0].RunOnce(_test.Now));
        Assert.Equal(0, _test.Bridging.AddressCount);
    }
}
