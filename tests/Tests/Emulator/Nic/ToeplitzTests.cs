using System.Net;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Microsoft's RSS verification suite, as the NIC documents refer to it.</summary>
public sealed class ToeplitzTests
{
    private const RssFields Ip4 = RssFields.SourceIp4 | RssFields.DestinationIp4;
    private const RssFields Ip6 = RssFields.SourceIp6 | RssFields.DestinationIp6;
    private const RssFields Tcp = RssFields.SourceTcp | RssFields.DestinationTcp;
    private const RssFields Udp = RssFields.SourceUdp | RssFields.DestinationUdp;

    internal static byte[] Key => Convert.FromHexString("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa");

    [Theory]
    [InlineData("66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178)]
    [InlineData("199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea)]
    [InlineData("24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a)]
    [InlineData("38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f)]
    [InlineData("153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2)]
    [InlineData("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x2cc18cd5, 0x40207d3d)]
    [InlineData("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0x0f0c461c, 0xdde51bbf)]
    [InlineData("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x4b61e985, 0x02d1feef)]
    public void A_packet_hashes_to_the_published_value(string source, int sourcePort, string destination, int destinationPort, uint ipOnly, uint withPorts)
    {
        byte[] frame = Frames.Tcp(IPAddress.Parse(source), sourcePort, IPAddress.Parse(destination), destinationPort);
        bool isIp4 = frame[12] == 8;
        RssFields ip = isIp4 ? Ip4 : Ip6;
        FrameInfo.Parse(frame, out FrameInfo info);

        Assert.Equal((ipOnly, (byte)(isIp4 ? 0x04 : 0x08)), new Rss(ip, Key).Compute(frame, in info.Layout));
        Assert.Equal((withPorts, (byte)(isIp4 ? 0x44 : 0x48)), new Rss(ip | Tcp, Key).Compute(frame, in info.Layout));
    }

    [Theory]
    [InlineData(Ip4, 3)]       // no IP
    [InlineData(Ip4, 2)]       // IPv6
    [InlineData(Ip6, 0)]       // IPv4
    [InlineData(Ip4 | Tcp, 0)] // UDP
    [InlineData(Ip4 | Udp, 2)] // UDP over IPv6
    [InlineData(Ip6 | Tcp, 1)] // TCP over IPv4
    [InlineData(Ip4 | Udp, 5)] // a fragment
    [InlineData(Ip4 | RssFields.IpsecSpi, 0)] // UDP
    public void A_packet_without_all_of_the_selected_headers_is_not_hashed(RssFields fields, int kind)
    {
        byte[] frame = MixedFrames.Make(kind, "02:00:00:00:00:01", 1, 100);
        FrameInfo.Parse(frame, out FrameInfo info);
        Assert.Equal((0u, (byte)0), new Rss(fields, Key).Compute(frame, in info.Layout));
    }

    [Theory]
    [InlineData("66.9.149.187", "161.142.100.80", Ip4, 0x51ccc178, 0xC4)]
    [InlineData("3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", Ip6, 0x40207d3d, 0xC8)]
    public void An_ESP_packet_hashes_by_its_SPI_as_another_by_the_same_ports(string source, string destination, RssFields ip, uint hash, byte type)
    {
        byte[] frame = Frames.Tcp(IPAddress.Parse(source), 2794, IPAddress.Parse(destination), 1766);
        frame[ip == Ip4 ? 23 : 20] = IpProtocol.Esp;
        FrameInfo.Parse(frame, out FrameInfo info);
        Assert.Equal((hash, type), new Rss(ip | RssFields.IpsecSpi, Key).Compute(frame, in info.Layout));
        Assert.Equal((0u, (byte)0), new Rss(ip | Tcp, Key).Compute(frame, in info.Layout));
    }

    [Fact]
    public void A_fragment_hashes_as_the_whole_packet_where_only_addresses_are_hashed()
    {
        byte[] whole = Packet.Ethernet(EtherType.Ip4, Packet.Ip4(Packet.UdpProtocol, Packet.Udp(7, new byte[40])));
        byte[] fragment = MixedFrames.Make(5, "02:00:00:00:00:01", 1, 100);
        FrameInfo.Parse(whole, out FrameInfo wholeInfo);
        FrameInfo.Parse(fragment, out FrameInfo info);
        Rss rss = new(Ip4, Key);
        Assert.Equal((byte)0x04, rss.Compute(whole, in wholeInfo.Layout).Type);
        Assert.Equal(rss.Compute(whole, in wholeInfo.Layout), rss.Compute(fragment, in info.Layout));
    }

    [Fact]
    public void UDP_over_IPv6_hashes_to_the_published_value_of_its_addresses_and_ports()
    {
        byte[] frame = Frames.Udp("3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", length: 100);
        Convert.FromHexString("0aea06e6").CopyTo(frame, 54); // ports 2794 and 1766
        FrameInfo.Parse(frame, out FrameInfo info);
        Assert.Equal((0x40207d3du, (byte)0x88), new Rss(Ip6 | Udp, Key).Compute(frame, in info.Layout));
    }
}
