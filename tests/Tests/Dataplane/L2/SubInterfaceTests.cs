using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class SubInterfaceTests : IDisposable
{
    private readonly TestSwitch _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Packets_are_routed_from_one_VLAN_to_another_and_tagged_on_their_way_out()
    {
        Interface from = Routed(0, 100, "10.0.0.1/24");
        Interface to = Routed(1, 200, "10.0.1.1/24");
        _test.Router.Ip4.AddNeighbor(to, Ip4Address.Parse("10.0.1.2"), TestSwitch.Host(1));
        byte[] untagged = Frame.Ip4("10.0.0.2", "10.0.1.2", macDestination: _test.Ports[0].MacAddress.ToString());
        _test.Router.Interfaces.ClearCounters();
        _test.Receive(0, Tagged(untagged, TestSwitch.Tag(100)));

        byte[] sent = Assert.Single(_test.Ports[1].Sent);
        Assert.Equal(new VlanTags(1, EtherType.Vlan, 200, 0), VlanTags.Read(sent));
        Expect.Ip4(Untagged(sent, 1)).To("10.0.1.2").Ttl(63).SamePayload(untagged).MacFrom(_test.Ports[1].MacAddress.ToString());
        Assert.Equal((1ul, (ulong)untagged.Length + 4), (from.Counters.RxPackets, from.Counters.RxBytes));
        Assert.Equal((1ul, (ulong)sent.Length), (to.Counters.TxPackets, to.Counters.TxBytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_packet_of_several_buffers_behind_tags_is_cut_into_whole_fragments(int tagCount)
    {
        VlanTag[] tags = [.. new[] { new VlanTag(EtherType.ServiceVlan, 300), TestSwitch.Tag(7) }.Take(tagCount)];
        using TestSwitch test = new(maxFrameBytes: 9018);
        Interface from = test.Router.Interfaces.AddSub(test.Interfaces[0], 7, tagCount == 1
            ? VlanMatch.OneTag(EtherType.ServiceVlan, 300, exact: true)
            : VlanMatch.TwoTags(EtherType.ServiceVlan, 300, 7, exact: true));
        test.Router.Interfaces.SetAdminUp(from, up: true);
        test.Router.Ip4.AddAddress(from, TestRouter.Prefix("10.0.0.1/24"));
        test.Router.Ip4.AddAddress(test.Interfaces[1], TestRouter.Prefix("10.0.1.1/24"));
        test.Router.Ip4.AddNeighbor(test.Interfaces[1], Ip4Address.Parse("10.0.1.2"), TestSwitch.Host(1));
        test.Router.Interfaces.SetMtu(test.Interfaces[1], 3000);
        byte[] payload = new byte[8000];
        new Random(3).NextBytes(payload);

        test.Receive(0, Tagged(Frame.Ip4("10.0.0.2", "10.0.1.2", payload: payload, macDestination: test.Ports[0].MacAddress.ToString()), tags));
        Assert.All(test.Ports[1].Sent, fragment => Expect.Ip4(fragment).To("10.0.1.2").Ttl(63));
        Assert.Equal(payload, test.Ports[1].Sent.SelectMany(fragment => fragment[Frame.PayloadOffset..]));
    }

    [Fact]
    public void What_the_port_does_not_take_the_sub_interface_has_not_sent()
    {
        using TestSwitch test = new(txCapacity: 3);
        Interface to = test.Router.Interfaces.AddSub(test.Interfaces[1], 200, VlanMatch.OneTag(EtherType.Vlan, 200, exact: true));
        test.Router.Interfaces.SetAdminUp(to, up: true);
        test.Router.Ip4.AddAddress(test.Interfaces[0], TestRouter.Prefix("10.0.0.1/24"));
        test.Router.Ip4.AddAddress(to, TestRouter.Prefix("10.0.1.1/24"));
        test.Router.Ip4.AddNeighbor(to, Ip4Address.Parse("10.0.1.2"), TestSwitch.Host(1));
        test.Run();
        test.Ports[1].Sent.Clear(); // the announcement
        test.Router.Interfaces.ClearCounters();
        for (int i = 0; i < 10; i++)
        {
            test.Ports[0].Arriving.Enqueue(Frame.Ip4("10.0.0.2", "10.0.1.2", macDestination: test.Ports[0].MacAddress.ToString()));
        }

        test.Run();
        Assert.Equal(3, test.Ports[1].Sent.Count);
        Assert.Equal((3ul, (ulong)test.Ports[1].Sent.Sum(frame => frame.Length), 7ul), (to.Counters.TxPackets, to.Counters.TxBytes, to.Counters.TxErrors));
        Assert.Equal(7ul, test.Count("port1.200-tx", Reason.NoFreeTxSlots));
    }

    [Fact]
    public void ARP_on_a_sub_interface_is_answered_with_its_tags()
    {
        Interface sub = _test.Router.Interfaces.AddSub(_test.Interfaces[0], 7, VlanMatch.TwoTags(EtherType.ServiceVlan, 300, 7, exact: true));
        _test.Router.Interfaces.SetAdminUp(sub, up: true);
        _test.Router.Ip4.AddAddress(sub, TestRouter.Prefix("10.0.0.1/24"));
        _test.Run();
        Assert.Equal(new VlanTags(2, EtherType.ServiceVlan, 300, 7), VlanTags.Read(Assert.Single(_test.Ports[0].Sent))); // the announcement
        byte[] request = Frame.Arp(ArpHeader.Request, TestSwitch.Host(0).ToString(), "10.0.0.2", "10.0.0.1");
        _test.Receive(0, Tagged(request, new VlanTag(EtherType.ServiceVlan, 300), TestSwitch.Tag(7)));

        byte[] sent = Assert.Single(_test.Ports[0].Sent);
        Assert.Equal(new VlanTags(2, EtherType.ServiceVlan, 300, 7), VlanTags.Read(sent));
        Expect.Arp(Untagged(sent, 2), ArpHeader.Reply).MacTo(TestSwitch.Host(0).ToString()).Target("10.0.0.2");
    }

    [Fact]
    public void A_frame_of_an_unknown_VLAN_is_dropped()
    {
        Routed(0, 100, "10.0.0.1/24");
        _test.Receive(0, TestSwitch.Frame(_test.Ports[0].MacAddress, TestSwitch.Host(0), [TestSwitch.Tag(101)]));
        _test.ExpectDropped("ethernet-input", Reason.UnknownVlan);
    }

    [Fact]
    public void A_tag_that_tells_a_priority_only_is_none()
    {
        _test.Router.Ip4.AddAddress(_test.Interfaces[0], TestRouter.Prefix("10.0.0.1/24"));
        _test.Receive(0, Tagged(Frame.Arp(ArpHeader.Request, TestSwitch.Host(0).ToString(), "10.0.0.2", "10.0.0.1"), TestSwitch.Tag(0)));
        Expect.Arp(Assert.Single(_test.Ports[0].Sent), ArpHeader.Reply);
    }

    [Fact]
    public void A_sub_interface_that_is_down_receives_and_sends_nothing()
    {
        Interface sub = Routed(0, 100, "10.0.0.1/24");
        _test.Router.Interfaces.SetAdminUp(sub, up: false);
        _test.Receive(0, TestSwitch.Frame(_test.Ports[0].MacAddress, TestSwitch.Host(0), [TestSwitch.Tag(100)]));
        _test.ExpectDropped("ethernet-input", Reason.SubInterfaceDown);
    }

    [Fact]
    public void A_sub_interface_is_up_only_while_its_port_is()
    {
        Interface sub = Routed(0, 100, "10.0.0.1/24");
        _test.Router.Interfaces.SetAdminUp(_test.Interfaces[0], up: false);
        Assert.False(sub.IsAdminUp);
        Assert.Contains("super-interface port0 must be up", Assert.Throws<RouterException>(() => _test.Router.Interfaces.SetAdminUp(sub, up: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sub_interface_has_its_ports_Ethernet_address_and_follows_it()
    {
        Interface sub = Routed(0, 100, "10.0.0.1/24");
        MacAddress other = MacAddress.Parse("02:00:00:00:00:77");
        Assert.Throws<RouterException>(() => _test.Router.Interfaces.SetMacAddress(sub, other));
        _test.Router.Interfaces.SetMacAddress(_test.Interfaces[0], other);
        Assert.Equal(other, sub.MacAddress);
    }

    [Theory]
    [InlineData("", "untagged")]
    [InlineData("5", "any")]
    [InlineData("100", "100")]
    [InlineData("100 9", "100 any")]
    [InlineData("100 20", "100 20")]
    [InlineData("100 20 1", "100 any")] // the exact one does not take a third tag
    [InlineData("200", "exact")]
    [InlineData("200 1", "any")]
    public void A_frame_belongs_to_the_closest_sub_interface(string tags, string expected)
    {
        Interface port = _test.Interfaces[0];
        Dictionary<string, VlanMatch> matches = new(StringComparer.Ordinal)
        {
            ["untagged"] = VlanMatch.Untagged,
            ["any"] = VlanMatch.OneTag(EtherType.Vlan, VlanMatch.Any, exact: false),
            ["100"] = VlanMatch.OneTag(EtherType.Vlan, 100, exact: false),
            ["100 any"] = VlanMatch.TwoTags(EtherType.Vlan, 100, VlanMatch.Any, exact: false),
            ["100 20"] = VlanMatch.TwoTags(EtherType.Vlan, 100, 20, exact: true),
            ["exact"] = VlanMatch.OneTag(EtherType.Vlan, 200, exact: true),
        };
        Dictionary<string, Interface> subs = matches.ToDictionary(
            item => item.Key, item => _test.Router.Interfaces.AddSub(port, item.Key.GetHashCode(StringComparison.Ordinal), item.Value), StringComparer.Ordinal);
        VlanTag[] frameTags = [.. tags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => TestSwitch.Tag(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture)))];
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), frameTags));
        Assert.Equal(expected, Assert.Single(subs, sub => sub.Value.Counters.RxPackets == 1).Key);
    }

    [Fact]
    public void The_default_sub_interface_gets_what_no_other_does()
    {
        Interface rest = _test.Router.Interfaces.AddSub(_test.Interfaces[0], 1, VlanMatch.Default);
        Routed(0, 100, "10.0.0.1/24");
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0)));
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), [TestSwitch.Tag(101)]));
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), [TestSwitch.Tag(100)]));
        Assert.Equal(2ul, rest.Counters.RxPackets);
    }

    [Fact]
    public void Two_sub_interfaces_can_not_have_the_same_frames_and_one_that_is_not_exact_no_address()
    {
        Interface sub = _test.Router.Interfaces.AddSub(_test.Interfaces[0], 1, VlanMatch.OneTag(EtherType.Vlan, 100, exact: false));
        Assert.Throws<RouterException>(() => _test.Router.Interfaces.AddSub(_test.Interfaces[0], 2, VlanMatch.OneTag(EtherType.Vlan, 100, exact: true)));
        Assert.Throws<RouterException>(() => _test.Router.Ip4.AddAddress(sub, TestRouter.Prefix("10.0.0.1/24")));
        _test.Router.Interfaces.Remove(sub);
        Routed(0, 100, "10.0.0.1/24");
    }

    [Fact]
    public void Removing_a_port_removes_its_sub_interfaces()
    {
        Routed(0, 100, "10.0.0.1/24");
        _test.Router.Interfaces.Remove(_test.Interfaces[0]);
        Assert.Null(_test.Router.Interfaces.Find("port0.100"));
    }

    [Fact]
    public void A_tagged_frame_that_is_cut_short_does_no_harm()
    {
        Routed(0, 100, "10.0.0.1/24");
        byte[] frame = TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), [TestSwitch.Tag(100), TestSwitch.Tag(100), TestSwitch.Tag(100)]);
        for (int length = 0; length < frame.Length; length++)
        {
            _test.Receive(0, frame[..length]);
            Assert.Equal("", _test.SentBy());
        }
    }

    private Interface Routed(int port, int vlan, string address)
    {
        Interface sub = _test.Router.Interfaces.AddSub(_test.Interfaces[port], vlan, VlanMatch.OneTag(EtherType.Vlan, vlan, exact: true));
        _test.Router.Interfaces.SetAdminUp(sub, up: true);
        _test.Router.Ip4.AddAddress(sub, TestRouter.Prefix(address));
        _test.Run();
        return sub;
    }

    private static byte[] Tagged(byte[] frame, params VlanTag[] tags) =>
        [.. frame[..VlanTag.Offset], .. System.Runtime.InteropServices.MemoryMarshal.AsBytes(tags.AsSpan()), .. frame[VlanTag.Offset..]];

    private static byte[] Untagged(byte[] frame, int tags) =>
        [.. frame[..VlanTag.Offset], .. frame[(VlanTag.Offset + (tags * VlanTag.Size))..]];
}
