using System.Net;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.SystemTests.Programs;

/// <summary>Frames for testpmd's first port.</summary>
internal static class TestpmdFrames
{
    private static readonly byte[] s_port = [2, 0, 0, 0, 0, 1];

    /// <summary>A frame of one of five kinds, as long as asked for or as its headers want.</summary>
    public static byte[] Mixed(int number, int lengthBytes)
    {
        byte[] Payload(int headerBytes) => Packet.Payload(Math.Max(lengthBytes - headerBytes, 0), number);
        return ToPort((number % 5) switch
        {
            0 => Packet.Ethernet(0x0800, Packet.Ip4(Packet.UdpProtocol, Packet.Udp(2000, Payload(42)))),
            1 => Packet.Ethernet(0x0800, Packet.Ip4(Packet.TcpProtocol, Packet.Tcp(Payload(54)))),
            2 => Packet.Ethernet(0x86DD, Packet.Ip6(Packet.UdpProtocol, Packet.Udp(2000, Payload(62)))),
            3 => Packet.Ethernet(0x86DD, Packet.Ip6(Packet.TcpProtocol, Packet.Tcp(Payload(74)))),
            _ => Packet.Ethernet(0x88B5, Payload(14)), // for experiments (IEEE 802)
        });
    }

    public static byte[] UdpTo(ushort port) => ToPort(Packet.Ethernet(0x0800, Packet.Ip4(Packet.UdpProtocol, Packet.Udp(port, new byte[40]))));

    /// <summary>A packet to the port with these addresses and ports; its checksums are nonsense.</summary>
    public static byte[] From(string source, ushort sourcePort, string destination, ushort destinationPort, bool isTcp)
    {
        byte[] from = IPAddress.Parse(source).GetAddressBytes();
        bool isIp4 = from.Length == 4;
        byte protocol = isTcp ? Packet.TcpProtocol : Packet.UdpProtocol;
        byte[] transport = isTcp ? Packet.Tcp(new byte[40]) : Packet.Udp(0, new byte[40]);
        byte[] frame = ToPort(isIp4 ? Packet.Ethernet(0x0800, Packet.Ip4(protocol, transport)) : Packet.Ethernet(0x86DD, Packet.Ip6(protocol, transport)));
        int addresses = isIp4 ? 26 : 22;
        from.CopyTo(frame, addresses);
        IPAddress.Parse(destination).GetAddressBytes().CopyTo(frame, addresses + from.Length);
        Put(frame, addresses + (2 * from.Length), sourcePort);
        Put(frame, addresses + (2 * from.Length) + 2, destinationPort);
        return frame;
    }

    public static byte[] ToPort(byte[] frame) => [.. s_port, .. frame[6..]];

    public static byte[] For(string mac) => [.. Convert.FromHexString(mac), .. Mixed(0, 60)[6..]];

    public static byte[] Swapped(byte[] frame) => [.. frame[6..12], .. frame[..6], .. frame[12..]];

    public static byte[] Tagged(byte[] frame, byte vlan) => [.. frame[..12], 0x81, 0, 0, vlan, .. frame[12..]];

    private static void Put(byte[] frame, int at, ushort value) => (frame[at], frame[at + 1]) = ((byte)(value >> 8), (byte)value);
}
