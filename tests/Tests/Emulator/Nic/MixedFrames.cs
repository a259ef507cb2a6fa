using System.Net;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Frames of the kinds that a completion tells apart.</summary>
internal static class MixedFrames
{
    public const int Kinds = 8;

    /// <summary>A frame that carries <paramref name="identity"/> in its addresses or payload.</summary>
    /// <param name="kind">0 UDP over IPv4, 1 TCP over IPv4, 2 UDP over IPv6, 3 no IP, 4 VLAN, 5 fragment, 6 IPv4 options, 7 wrong checksum.</param>
    /// <param name="mac">Where it goes.</param>
    /// <param name="identity">8 bits.</param>
    /// <param name="length">In bytes, without FCS; frames with more headers than that are longer.</param>
    public static byte[] Make(int kind, string mac, int identity, int length)
    {
        byte[] udp = Packet.Udp(7, Packet.Payload(Math.Max(length - 42, 0), identity));
        byte[] frame = kind switch
        {
            1 => Frames.Tcp(IPAddress.Parse($"10.0.0.{identity}"), 1, IPAddress.Parse("10.0.1.1"), 2),
            2 => Frames.Udp($"2001:db8::{identity:x}", "2001:db8::1:1", mac, Math.Max(length, 62) + 20),
            3 => TestPort.Frame(mac, identity: (byte)identity, length: length),
            5 => Packet.Ethernet(EtherType.Ip4, Packet.Ip4(Packet.UdpProtocol, udp, fragment: Ip4Header.MoreFragments)),
            6 => Packet.Ethernet(EtherType.Ip4, Packet.Ip4(Packet.UdpProtocol, udp, optionBytes: 4)),
            _ => Frames.Udp($"10.0.0.{identity}", "10.0.1.1", mac, length),
        };
        MacAddress.Parse(mac).CopyTo(frame);
        switch (kind)
        {
            case 4:
                return [.. frame[..12], 0x81, 0x00, 0x20, (byte)identity, .. frame[12..]];
            case 7:
                frame[40] ^= 1;
                break;
        }

        return frame;
    }
}
