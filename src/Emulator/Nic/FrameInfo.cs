using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What the NIC's parser finds in a frame: fields for flows and RSS, header offsets for checksums.</summary>
/// <remarks><see cref="Headers"/> lie as in the outer headers of <see cref="MatchParameters"/>: flows compare them under a mask, in one go.</remarks>
internal struct FrameInfo
{
    public Vector512<ulong> Headers;
    public FrameLayout Layout;

    private const ulong MacBits = 0xFFFF_FFFF_FFFF;

    /// <summary>Reads the headers of <paramref name="frame"/>, of at least 14 bytes. What is cut short is left out.</summary>
    /// <remarks>What is found is written where it is to be: a copy right after would wait for each of the small writes.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public static void Parse(ReadOnlySpan<byte> frame, out FrameInfo info)
    {
        if (!TryParsePlain(frame, out info))
        {
            ParseAny(frame, out info);
        }
    }

    /// <summary>Reads what most frames are, in half the time: a packet without tag, of IPv4 without options, that is whole and has all of its TCP or UDP header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryParsePlain(ReadOnlySpan<byte> frame, out FrameInfo info)
    {
        const int Network = EthernetHeader.Size;
        const int Transport = Network + Ip4Header.Size;
        const int TcpBytes = 20;
        Unsafe.SkipInit(out info);
        if (frame.Length < Transport + TcpBytes || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != EtherType.Ip4 || frame[Network] != 0x45)
        {
            return false;
        }

        ushort fragment = BinaryPrimitives.ReadUInt16BigEndian(frame[(Network + 6)..]);
        byte protocol = frame[Network + 9];
        int transportBytes = BinaryPrimitives.ReadUInt16BigEndian(frame[(Network + 2)..]) - Ip4Header.Size;
        bool isFragment = (fragment & (Ip4Header.MoreFragments | Ip4Header.FragmentOffsetMask)) != 0;
        bool isTcp = protocol == IpProtocol.Tcp && transportBytes >= TcpBytes;
        bool isUdp = protocol == IpProtocol.Udp && transportBytes >= 8;
        if (isFragment || !(isTcp || isUdp) || transportBytes > frame.Length - Transport)
        {
            return false;
        }

        ulong ports = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(frame[Transport..]) << 32;
        ulong low = protocol | ((ulong)frame[Network + 1] << 8) | (4ul << (16 + MatchParameters.IpVersionShift));
        ulong high = (ulong)frame[Network + 8] << 24;
        if (isTcp)
        {
            low |= ports | ((ulong)frame[Transport + 13] << 24) | ((frame[Transport + 12] & (ulong)MatchParameters.TcpFlagNonce) << 16);
        }
        else
        {
            high |= ports;
        }

        Vector128<ulong> ethernet = Vector128.Shuffle(
            Vector128.Create(frame), Vector128.Create((byte)6, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5, 255, 255)).AsUInt64();
        ulong addresses = BinaryPrimitives.ReadUInt64LittleEndian(frame[(Network + 12)..]);
        info.Headers = Vector512.Create(
            Vector256.Create(ethernet, Vector128.Create(low, high)),
            Vector256.Create(0, addresses << 32, 0, addresses & 0xFFFF_FFFF_0000_0000));
        info.Layout = default;
        info.Layout.IpVersion = 4;
        info.Layout.Protocol = protocol;
        info.Layout.Transport = protocol;
        info.Layout.NetworkOffset = Network;
        info.Layout.TransportOffset = Transport;
        info.Layout.TransportBytes = transportBytes;
        info.Layout.HeaderTypes = FrameLayout.Types(
            Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV4, isUdp ? FrameLayout.UdpType : FrameLayout.TcpType(frame.Slice(Transport, transportBytes)));
        return true;
    }

    /// <summary>Reads the headers of any frame.</summary>
    public static void ParseAny(ReadOnlySpan<byte> frame, out FrameInfo info)
    {
        int offset = EthernetHeader.Size;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        ushort vlan = 0;
        byte bits = 0;
        if (IsVlan(type) && frame.Length >= offset + VlanTag.Size)
        {
            bits = type == EtherType.Vlan ? MatchParameters.CvlanTag : MatchParameters.SvlanTag;
            vlan = BinaryPrimitives.ReadUInt16LittleEndian(frame[offset..]);
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[(offset + 2)..]);
            offset += VlanTag.Size;
            if (IsVlan(type) && frame.Length >= offset + VlanTag.Size)
            {
                type = BinaryPrimitives.ReadUInt16BigEndian(frame[(offset + 2)..]);
                offset += VlanTag.Size;
            }
        }

        ulong source = BinaryPrimitives.ReadUInt64LittleEndian(frame[6..]) & MacBits;
        ulong destination = BinaryPrimitives.ReadUInt64LittleEndian(frame) & MacBits;
        ParseNetwork(frame, offset, type, source, destination | ((ulong)vlan << 48), bits, out info);
    }

    /// <summary>Reads the headers of a packet inside a tunnel that carries no Ethernet header.</summary>
    public static void ParsePacket(ReadOnlySpan<byte> packet, ushort type, out FrameInfo info) => ParseNetwork(packet, 0, type, 0, 0, 0, out info);

    public static bool IsVlan(ushort etherType) => etherType is EtherType.Vlan or EtherType.ServiceVlan;

    /// <summary>Words are little-endian: the first byte of the headers is the lowest.</summary>
    private static void ParseNetwork(
        ReadOnlySpan<byte> frame, int offset, ushort type, ulong source, ulong destination, byte bits, out FrameInfo info)
    {
        info = default;
        info.Layout.NetworkOffset = offset;
        Words ip = type switch
        {
            EtherType.Ip4 => info.ParseIp4(frame[offset..]),
            EtherType.Ip6 => info.ParseIp6(frame[offset..]),
            _ => default,
        };
        info.Layout.ReadHeaderTypes(frame);
        ulong flags = bits | (info.Layout.IsFragment ? MatchParameters.Fragment : 0u) | ((uint)info.Layout.IpVersion << MatchParameters.IpVersionShift);
        ulong tcp = 0;
        ulong udp = 0;
        if (info.Layout.Transport == IpProtocol.Tcp)
        {
            ReadOnlySpan<byte> header = frame[info.Layout.TransportOffset..];
            tcp = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(header) << 32) | ((ulong)header[13] << 24);
            flags |= header[12] & (ulong)MatchParameters.TcpFlagNonce;
        }
        else if (info.Layout.Transport == IpProtocol.Udp)
        {
            udp = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(frame[info.Layout.TransportOffset..]) << 32;
        }

        var ethernet = Vector128.Create(source | ((ulong)BinaryPrimitives.ReverseEndianness(type) << 48), destination);
        var rest = Vector128.Create(ip.Protocol | (flags << 16) | tcp, ip.TimeToLive | udp);
        info.Headers = Vector512.Create(Vector256.Create(ethernet, rest), Vector256.Create(ip.Source, ip.Destination));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)] // else what it returns takes the way through memory
    private Words ParseIp4(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < Ip4Header.Size)
        {
            return default;
        }

        int headerBytes = (packet[0] & 0xF) * 4;
        int totalBytes = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (packet[0] >> 4 != 4 || headerBytes < Ip4Header.Size || headerBytes > Math.Min(totalBytes, packet.Length))
        {
            return default;
        }

        Layout.IpVersion = 4;
        Layout.HasIpOptions = headerBytes > Ip4Header.Size;
        Layout.IsFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & (Ip4Header.MoreFragments | Ip4Header.FragmentOffsetMask)) != 0;
        Layout.FindTransport(packet[9], headerBytes, totalBytes, packet.Length);
        return new Words(packet[9], packet[1], packet[8],
            Vector128.Create(0, (ulong)BinaryPrimitives.ReadUInt32LittleEndian(packet[12..]) << 32),
            Vector128.Create(0, (ulong)BinaryPrimitives.ReadUInt32LittleEndian(packet[16..]) << 32));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Words ParseIp6(ReadOnlySpan<byte> packet)
    {
        const int HeaderBytes = 40;
        if (packet.Length < HeaderBytes || packet[0] >> 4 != 6)
        {
            return default;
        }

        const byte FragmentHeader = 44;
        Layout.IpVersion = 6;
        Layout.IsFragment = packet[6] == FragmentHeader;
        Layout.HasIpOptions = packet[6] is 0 or 43 or FragmentHeader or 60; // hop-by-hop, routing, fragment, destination options
        Layout.FindTransport(packet[6], HeaderBytes, HeaderBytes + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]), packet.Length);
        return new Words(packet[6], (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4), packet[7],
            Vector128.Create(packet.Slice(8, 16)).AsUInt64(), Vector128.Create(packet.Slice(24, 16)).AsUInt64());
    }

    /// <summary>What the IP header gives to the words of <see cref="Headers"/>.</summary>
    private readonly struct Words(byte protocol, byte trafficClass, byte timeToLive, Vector128<ulong> source, Vector128<ulong> destination)
    {
        public readonly ulong Protocol = protocol | ((ulong)trafficClass << 8);
        public readonly ulong TimeToLive = (ulong)timeToLive << 24;
        public readonly Vector128<ulong> Source = source;
        public readonly Vector128<ulong> Destination = destination;
    }
}
