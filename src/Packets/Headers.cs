using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>Ethernet II header, 14 bytes (IEEE 802.3, 3.1.1).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct EthernetHeader
{
    public const int Size = 14;

    /// <summary>The shortest frame without its FCS, in bytes (IEEE 802.3, 4A.4.2).</summary>
    public const int MinFrameBytes = 60;

    public MacAddress Destination;
    public MacAddress Source;
    public Be16 Type;
}

/// <summary>Values of <see cref="EthernetHeader.Type"/> in host order (IANA, "IEEE 802 Numbers").</summary>
public static class EtherType
{
    public const ushort Ip4 = 0x0800;
    public const ushort Arp = 0x0806;
    public const ushort Vlan = 0x8100;
    public const ushort Ip6 = 0x86DD;
    public const ushort ServiceVlan = 0x88A8;
}

/// <summary>An ARP packet for IPv4 over Ethernet, 28 bytes (RFC 826).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct ArpHeader
{
    public const int Size = 28;
    public const ushort EthernetHardware = 1;
    public const ushort Request = 1;
    public const ushort Reply = 2;

    public Be16 HardwareType;
    public Be16 ProtocolType;
    public byte HardwareLength;
    public byte ProtocolLength;
    public Be16 Operation;
    public MacAddress SenderMac;
    public Ip4Address SenderIp;
    public MacAddress TargetMac;
    public Ip4Address TargetIp;
}

/// <summary>An IPv4 header without options, 20 bytes (RFC 791, 3.1).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Ip4Header
{
    public const int Size = 20;

    /// <summary>Bits of <see cref="FlagsAndFragmentOffset"/>: don't fragment, more fragments, the offset in 8-byte units.</summary>
    public const ushort DontFragment = 0x4000;
    public const ushort MoreFragments = 0x2000;
    public const ushort FragmentOffsetMask = 0x1FFF;

    /// <summary>Version in the high four bits, header length in 32-bit words in the low ones.</summary>
    public byte VersionAndHeaderLength;
    public byte TypeOfService;
    public Be16 TotalLength;
    public Be16 Identification;
    public Be16 FlagsAndFragmentOffset;
    public byte TimeToLive;
    public byte Protocol;
    public Be16 Checksum;
    public Ip4Address Source;
    public Ip4Address Destination;

    public readonly int Version => VersionAndHeaderLength >> 4;

    /// <summary>Length of the header with its options, in bytes.</summary>
    public readonly int HeaderBytes => (VersionAndHeaderLength & 0xF) * 4;
}

/// <summary>Values of <see cref="Ip4Header.Protocol"/> (IANA, "Protocol Numbers").</summary>
public static class IpProtocol
{
    public const byte Icmp = 1;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Esp = 50;
}

/// <summary>The first eight bytes of every ICMP message (RFC 792).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct IcmpHeader
{
    public const int Size = 8;

    public const byte EchoReply = 0;
    public const byte DestinationUnreachable = 3;
    public const byte EchoRequest = 8;
    public const byte TimeExceeded = 11;

    public byte Type;
    public byte Code;
    public Be16 Checksum;

    /// <summary>Echo: the identifier. Error messages: unused, zero; next-hop MTU (RFC 1191) in <see cref="Sequence"/>.</summary>
    public Be16 Identifier;
    public Be16 Sequence;
}
