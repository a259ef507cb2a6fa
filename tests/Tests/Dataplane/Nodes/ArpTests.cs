using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class ArpTests : IDisposable
{
    private readonly TestRouter _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_request_for_an_own_address_is_answered_and_teaches_the_asker() // RFC 826
    {
        _test.Receive(_test.LeftPort, Request(TestRouter.LeftHost, TestRouter.LeftAddress));

        byte[] reply = Assert.Single(_test.LeftPort.Sent);
        Expect.Arp(reply, ArpHeader.Reply).MacTo(TestRouter.LeftHostMac)
            .Sender(TestRouter.LeftMac, TestRouter.LeftAddress).Target(TestRouter.LeftHost);
        Neighbor neighbor = Assert.Single(_test.Router.Ip4.Neighbors);
        Assert.Equal((TestRouter.LeftHost, TestRouter.LeftHostMac), (neighbor.Address.ToString(), neighbor.MacAddress.ToString()));
        Assert.Equal(1u, _test.Count("arp-reply", Reason.ArpRepliesSent));
        Assert.Equal(0u, _test.Left.Counters.Drops);
    }

    [Fact]
    public void A_probe_for_an_own_address_is_answered_and_teaches_nothing() // RFC 5227, 2.1.1 and 2.4
    {
        _test.Receive(_test.LeftPort, Request("0.0.0.0", TestRouter.LeftAddress));
        Expect.Arp(Assert.Single(_test.LeftPort.Sent), ArpHeader.Reply).Target("0.0.0.0");
        Assert.Empty(_test.Router.Ip4.Neighbors);
    }

    [Fact]
    public void A_request_for_the_address_of_another_interface_is_not_answered()
    {
        _test.Receive(_test.LeftPort, Request(TestRouter.LeftHost, TestRouter.RightAddress));
        _test.ExpectOnly("arp-reply", Reason.ArpDestinationNotLocal);
    }

    [Fact]
    public void A_request_from_another_subnet_is_not_answered()
    {
        _test.Receive(_test.LeftPort, Request("192.0.2.1", TestRouter.LeftAddress));
        _test.ExpectOnly("arp-reply", Reason.ArpSourceNotLocal);
    }

    [Theory]
    [InlineData(ArpHeader.Request)]
    [InlineData(ArpHeader.Reply)]
    public void Whoever_claims_an_own_address_is_ignored(ushort operation) // RFC 5227, 2.4
    {
        _test.Receive(_test.LeftPort, Frame.Arp(
            operation, TestRouter.LeftHostMac, TestRouter.LeftAddress, TestRouter.LeftAddress));
        _test.ExpectOnly("arp-reply", Reason.ArpSourceIsOwn);
        Assert.Empty(_test.Router.Ip4.Neighbors);
    }

    [Fact]
    public void An_announcement_updates_a_neighbor_and_adds_none() // RFC 826; RFC 5227, 3
    {
        byte[] announcement = Frame.Arp(ArpHeader.Request, "02:00:00:00:00:77", TestRouter.LeftHost, TestRouter.LeftHost);
        _test.Receive(_test.LeftPort, announcement);
        _test.ExpectOnly("arp-reply", Reason.ArpProbeOrAnnouncement);
        Assert.Empty(_test.Router.Ip4.Neighbors);

        _test.Receive(_test.LeftPort, Request(TestRouter.LeftHost, TestRouter.LeftAddress));
        Assert.Equal(TestRouter.LeftHostMac, Assert.Single(_test.Router.Ip4.Neighbors).MacAddress.ToString());
        _test.Receive(_test.LeftPort, announcement);
        Assert.Equal("02:00:00:00:00:77", Assert.Single(_test.Router.Ip4.Neighbors).MacAddress.ToString());
    }

    [Fact]
    public void A_sender_that_is_not_the_frames_is_not_believed()
    {
        byte[] request = Request(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.EthernetOf(request).Source = MacAddress.Parse("02:00:00:00:00:55");
        _test.Receive(_test.LeftPort, request);
        _test.ExpectOnly("arp-reply", Reason.ArpMacMismatch);
    }

    [Fact]
    public void A_network_or_broadcast_address_is_never_a_neighbor()
    {
        _test.Receive(_test.LeftPort, Request("10.0.0.255", TestRouter.LeftAddress));
        _test.ExpectOnly("arp-reply", Reason.ArpSourceNotLocal);
    }

    [Fact]
    public void Malformed_arp_packets_are_dropped_under_their_names()
    {
        byte[] template = Request(TestRouter.LeftHost, TestRouter.LeftAddress);
        Spoil((ref ArpHeader arp) => arp.HardwareType = 6, Reason.ArpNotEthernet);
        Spoil((ref ArpHeader arp) => arp.HardwareLength = 8, Reason.ArpNotEthernet);
        Spoil((ref ArpHeader arp) => arp.ProtocolType = 0x86DD, Reason.ArpNotIp4);
        Spoil((ref ArpHeader arp) => arp.ProtocolLength = 16, Reason.ArpNotIp4);
        Spoil((ref ArpHeader arp) => arp.Operation = 3, Reason.ArpOpcodeUnknown);
        _test.Router.ClearErrors();
        _test.Receive(_test.LeftPort, template[..(Frame.Ip4Offset + ArpHeader.Size - 1)]);
        _test.ExpectOnly("arp-input", Reason.ArpTooShort);

        void Spoil(SpoilArp spoil, Reason reason)
        {
            _test.Router.ClearErrors();
            byte[] frame = [.. template];
            spoil(ref Frame.ArpOf(frame));
            _test.Receive(_test.LeftPort, frame);
            _test.ExpectOnly("arp-input", reason);
        }
    }

    [Fact]
    public void An_interface_without_addresses_ignores_arp()
    {
        _test.Router.Ip4.RemoveAddress(_test.Left, TestRouter.Prefix("10.0.0.1/24"));
        _test.Receive(_test.LeftPort, Request(TestRouter.LeftHost, TestRouter.LeftAddress));
        _test.ExpectOnly("arp-input", Reason.ArpInterfaceNotIp4);
    }

    [Fact]
    public void A_new_address_is_announced() // RFC 5227, 2.3
    {
        _test.Router.Ip4.AddAddress(_test.Left, TestRouter.Prefix("10.0.9.1/24"));
        _test.Run();
        Expect.Arp(Assert.Single(_test.LeftPort.Sent), ArpHeader.Request).MacTo("ff:ff:ff:ff:ff:ff")
            .Sender(TestRouter.LeftMac, "10.0.9.1").Target("10.0.9.1");
    }

    private static byte[] Request(string sender, string target) =>
        Frame.Arp(ArpHeader.Request, TestRouter.LeftHostMac, sender, target);

    private delegate void SpoilArp(ref ArpHeader arp);
}
