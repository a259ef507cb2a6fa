using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class Ip4LocalTests : IDisposable
{
    private readonly TestRouter _test = new TestRouter().WithNeighbors();

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData(TestRouter.LeftAddress, 1)]
    [InlineData(TestRouter.RightAddress, 64)] // RFC 1812, 4.3.3.6: whatever interface the address belongs to
    public void An_echo_request_for_an_own_address_is_answered(string address, byte ttl) // with any TTL: RFC 1812, 4.2.2.9
    {
        byte[] request = Frame.EchoRequest(TestRouter.LeftHost, address, payloadBytes: 777, ttl);
        _test.Receive(_test.LeftPort, request);

        byte[] reply = Assert.Single(_test.LeftPort.Sent);
        Expect.Ip4(reply).MacFrom(TestRouter.LeftMac).MacTo(TestRouter.LeftHostMac)
            .From(address).To(TestRouter.LeftHost).Ttl(64).Icmp(IcmpHeader.EchoReply, 0).Echo(7, 1);
        Assert.Equal(request[(Frame.PayloadOffset + 8)..], reply[(Frame.PayloadOffset + 8)..]);
        Assert.Equal(1u, _test.Count("ip4-icmp-echo-request", Reason.EchoRepliesSent));
        _test.ExpectNoLeak();
    }

    [Fact]
    public void What_may_be_cut_into_fragments_has_an_identification_of_its_own() // RFC 6864, 4.1
    {
        byte[] message = Frame.Icmp(IcmpHeader.EchoRequest);
        foreach (ushort flags in (ushort[])[0, 0, Ip4Header.DontFragment])
        {
            _test.Receive(_test.LeftPort, Frame.Ip4(
                TestRouter.LeftHost, TestRouter.LeftAddress, protocol: IpProtocol.Icmp, payload: message, flagsAndOffset: flags));
        }

        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1));
        ushort[] identifications = [.. _test.LeftPort.Sent.Select(frame => Frame.Ip4HeaderOf(frame).Identification.Value)];
        Assert.Equal(4, identifications.Distinct().Count());
        Assert.Equal(0x1234, identifications[2]); // whole for ever, so it stays as it came
    }

    [Fact]
    public void An_echo_request_with_a_wrong_checksum_is_dropped() // RFC 792
    {
        byte[] request = Frame.EchoRequest(TestRouter.LeftHost, TestRouter.LeftAddress);
        request[^1]++;
        _test.Receive(_test.LeftPort, request);
        _test.ExpectOnly("ip4-icmp-input", Reason.IcmpBadChecksum);
    }

    [Fact]
    public void An_icmp_message_that_is_too_short_is_dropped()
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(
            TestRouter.LeftHost, TestRouter.LeftAddress, protocol: IpProtocol.Icmp, payload: new byte[7]));
        _test.ExpectOnly("ip4-icmp-input", Reason.IcmpTooShort);
    }

    [Fact]
    public void An_icmp_message_of_unknown_type_is_silently_dropped() // RFC 1122, 3.2.2
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(
            TestRouter.LeftHost, TestRouter.LeftAddress, protocol: IpProtocol.Icmp, payload: Frame.Icmp(42)));
        _test.ExpectOnly("ip4-icmp-input", Reason.IcmpUnknownType);
    }

    [Fact]
    public void Udp_is_answered_with_port_unreachable_from_the_address_that_was_meant() // RFC 1812, 5.2.7.1
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightAddress, protocol: IpProtocol.Udp);
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).From(TestRouter.RightAddress)
            .Icmp(IcmpHeader.DestinationUnreachable, 3).Quotes(frame);
    }

    [Theory]
    [InlineData(IpProtocol.Tcp)]
    [InlineData(132)]
    public void Other_protocols_are_answered_with_protocol_unreachable(byte protocol) // RFC 1812, 5.2.7.1
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress, protocol: protocol);
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 2).Quotes(frame);
    }

    [Fact]
    public void A_packet_from_an_own_address_is_dropped()
    {
        _test.Receive(_test.LeftPort, Frame.EchoRequest(TestRouter.RightAddress, TestRouter.LeftAddress));
        _test.ExpectOnly("ip4-local", Reason.Ip4SpoofedLocal);
    }
}
