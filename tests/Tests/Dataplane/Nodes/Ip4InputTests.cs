using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class Ip4InputTests : IDisposable
{
    private readonly TestRouter _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_frame_to_another_mac_is_dropped()
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress, macDestination: "02:00:00:00:00:99"));
        _test.ExpectOnly("ethernet-input", Reason.MacMismatch);
    }

    [Fact]
    public void A_frame_to_a_secondary_address_is_the_router_s_until_the_address_is_taken_away()
    {
        MacAddress second = MacAddress.Parse("02:00:00:00:00:99");
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, macDestination: second.ToString());
        _test.WithNeighbors().Router.Reception.AddSecondaryMacAddress(_test.Left, second);
        _test.Receive(_test.LeftPort, frame);
        Assert.Single(_test.RightPort.Sent);

        _test.RightPort.Sent.Clear();
        _test.Router.Reception.RemoveSecondaryMacAddress(_test.Left, second);
        _test.Receive(_test.LeftPort, frame);
        _test.ExpectOnly("ethernet-input", Reason.MacMismatch);
    }

    [Fact]
    public void A_frame_of_unknown_type_is_dropped()
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.EthernetOf(frame).Type = 0x88CC;
        _test.Receive(_test.LeftPort, frame);
        _test.ExpectOnly("ethernet-input", Reason.UnknownEthernetType);
    }

    [Fact]
    public void A_frame_shorter_than_its_ethernet_header_is_dropped()
    {
        _test.Receive(_test.LeftPort, new byte[13]);
        _test.ExpectOnly("ethernet-input", Reason.TooShortForEthernet);
    }

    [Fact]
    public void A_packet_shorter_than_an_ip_header_is_dropped() // RFC 1812, 5.2.2 (1)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        _test.Receive(_test.LeftPort, frame[..(Frame.PayloadOffset - 1)]);
        _test.ExpectOnly("ip4-input", Reason.Ip4TooShort);
    }

    [Fact]
    public void A_wrong_header_checksum_is_dropped() // RFC 1812, 5.2.2 (2)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.Ip4HeaderOf(frame).Identification = 0x4321;
        _test.Receive(_test.LeftPort, frame);
        _test.ExpectOnly("ip4-input", Reason.Ip4BadChecksum);
    }

    [Fact]
    public void Another_version_is_dropped() // RFC 1812, 5.2.2 (3)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.Ip4HeaderOf(frame).VersionAndHeaderLength = 0x65;
        _test.Receive(_test.LeftPort, Frame.SumIp4(frame));
        _test.ExpectOnly("ip4-input", Reason.Ip4BadVersion);
    }

    [Fact]
    public void A_header_length_below_20_bytes_is_dropped() // RFC 1812, 5.2.2 (4)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.Ip4HeaderOf(frame).VersionAndHeaderLength = 0x44;
        _test.Receive(_test.LeftPort, Frame.SumIp4(frame));
        _test.ExpectOnly("ip4-input", Reason.Ip4HeaderTooShort);
    }

    [Fact]
    public void A_header_longer_than_the_packet_is_dropped() // RFC 1812, 5.2.2 (5)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress, payload: []);
        Frame.Ip4HeaderOf(frame).VersionAndHeaderLength = 0x46;
        _test.Receive(_test.LeftPort, Frame.SumIp4(frame));
        _test.ExpectOnly("ip4-input", Reason.Ip4BadLength);
    }

    [Fact]
    public void A_total_length_beyond_the_frame_is_dropped() // RFC 1812, 5.2.2 (5)
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress);
        Frame.Ip4HeaderOf(frame).TotalLength = (ushort)(frame.Length - Frame.Ip4Offset + 1);
        _test.Receive(_test.LeftPort, Frame.SumIp4(frame));
        _test.ExpectOnly("ip4-input", Reason.Ip4BadLength);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.5")]
    [InlineData("255.255.255.255")]
    public void A_source_that_no_host_can_have_is_dropped(string source) // RFC 1812, 5.3.7
    {
        _test.Receive(_test.LeftPort, Frame.EchoRequest(source, TestRouter.LeftAddress));
        _test.ExpectOnly("ip4-input", Reason.Ip4BadSource);
    }

    [Fact]
    public void A_loopback_destination_is_dropped() // RFC 1122, 3.2.1.3 (g)
    {
        _test.Receive(_test.LeftPort, Frame.EchoRequest(TestRouter.LeftHost, "127.0.0.1"));
        _test.ExpectOnly("ip4-input", Reason.Ip4BadDestination);
    }

    [Fact]
    public void A_unicast_packet_in_a_broadcast_frame_is_dropped() // RFC 1812, 5.3.4; RFC 1122, 3.3.6
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, macDestination: "ff:ff:ff:ff:ff:ff"));
        _test.ExpectOnly("ip4-input", Reason.Ip4LinkBroadcast);
    }

    [Theory]
    [InlineData(new byte[] { 131, 7, 4, 10, 0, 1, 2, 0 })] // loose source route
    [InlineData(new byte[] { 137, 7, 4, 10, 0, 1, 2, 0 })] // strict source route
    [InlineData(new byte[] { 7, 9, 4, 0 })]                // longer than the header
    [InlineData(new byte[] { 7, 1, 0, 0 })]                // shorter than an option can be
    [InlineData(new byte[] { 1, 1, 1, 7 })]                // no room for its length
    public void Source_routes_and_malformed_options_are_dropped(byte[] options) // RFC 1812, 5.3.13.4
    {
        byte[] message = Frame.Icmp(IcmpHeader.EchoRequest);
        _test.Receive(_test.LeftPort, Frame.Ip4(
            TestRouter.LeftHost, TestRouter.LeftAddress, protocol: IpProtocol.Icmp, payload: message, options: options));
        _test.ExpectOnly("ip4-input", Reason.Ip4SourceRoute);
    }

    [Fact]
    public void Other_options_are_forwarded_as_they_are() // RFC 1812, 5.3.13.1
    {
        byte[] options = [1, 7, 7, 4, 0, 0, 0, 0];
        _test.WithNeighbors().Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, options: options));
        byte[] sent = Assert.Single(_test.RightPort.Sent);
        Expect.Ip4(sent).Ttl(63);
        Assert.Equal(options, sent[Frame.PayloadOffset..(Frame.PayloadOffset + 8)]);
    }

    [Fact]
    public void A_checksum_that_the_nic_has_verified_is_not_summed_again()
    {
        byte[] frame = Frame.EchoRequest(TestRouter.LeftHost, TestRouter.LeftAddress);
        MemoryMarshal.AsRef<Ip4Header>(frame.AsSpan(Frame.Ip4Offset)).Checksum = 0;
        _test.WithNeighbors().LeftPort.ReceivedFlags = BufferFlags.Ip4ChecksumGood;
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.EchoReply, 0);
    }
}
