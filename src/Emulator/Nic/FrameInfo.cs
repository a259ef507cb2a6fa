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

    private const ulong MacBits = 0xFFFF_FFFF_FFFF;

    /// <summary>4, 6, or 0 if there is no IP header, or not the whole of it.</summary>
    public byte IpVersion;

    /// <summary>TCP or UDP if that header is there whole and the packet no fragment, else 0.</summary>
    public byte Transport;
    public bool IsFragment;
    public bool HasIpOptions;
    public int NetworkOffset;
    public int TransportOffset;

    /// <summary>Length of the transport header and its payload by the IP header, in bytes, as far as the frame has them.</summary>
    public int TransportBytes;

    /// <summary>True if the frame ends before the packet does by its IP header; the headers are as good as any to steer by.</summary>
    public bool IsCutShort;

    /// <summary>Reads the headers of <paramref name="frame"/>, of at least 14 bytes. What is cut short is left out.</summary>
    /// <remarks>What is found is written where it is to be: a copy right after would wait for each of the small writes.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public static void Parse(ReadOnlySpan<byte> frame, out FrameInfo info)
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

    /// <summary>The CQE's l4_hdr_type_etc: transport in bits 6:4, IP version in 3:2, fragment in 7, options in 1.</summary>
    public readonly byte HeaderTypes(ReadOnlySpan<byte> frame)
    {
        int l3 = IpVersion switch
        {
            4 => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV4,
            6 => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV6,
            _ => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_NONE,
        };
        int l4 = Transport switch
        {
            IpProtocol.Udp => 2,
            IpProtocol.Tcp => TcpType(frame.Slice(TransportOffset, TransportBytes)),
            _ => 0,
        };
        return (byte)((IsFragment ? 0x80 : 0) | (l4 << 4) | (l3 << 2) | (HasIpOptions ? 2 : 0));
    }

    /// <summary>The CQE's L2_OK, L3_OK and L4_OK, and its check_sum: that of the whole IP packet, without what pads the frame.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public readonly (byte Ok, Be16 Sum) Check(ReadOnlySpan<byte> frame)
    {
        int ok = Mlx5Cqe.MLX5_CQE_L2_OK;
        if (IpVersion == 0)
        {
            return ((byte)ok, 0);
        }

        ulong header = Checksum.Sum(frame[NetworkOffset..TransportOffset]);
        ReadOnlySpan<byte> payload = frame.Slice(TransportOffset, TransportBytes);
        ulong payloadSum = Checksum.Sum(payload);
        ok |= IpVersion == 6 || Checksum.Fold(header) == 0xFFFF ? Mlx5Cqe.MLX5_CQE_L3_OK : 0;
        ok |= Transport != 0 && !IsCutShort && IsRight(frame, payload, payloadSum) ? Mlx5Cqe.MLX5_CQE_L4_OK : 0;
        return ((byte)ok, Be16.FromRaw(Checksum.Fold(header + payloadSum)));
    }

    /// <summary>Sum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), to be continued over the transport's bytes.</summary>
    public readonly ulong PseudoHeaderSum(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> addresses = IpVersion == 4 ? frame.Slice(NetworkOffset + 12, 8) : frame.Slice(NetworkOffset + 8, 32);
        ulong sum = Checksum.Sum(addresses);
        return sum + new Be16(Transport).Raw + new Be16((ushort)TransportBytes).Raw;
    }

    private static int TcpType(ReadOnlySpan<byte> tcp)
    {
        bool acknowledges = (tcp[13] & 0x10) != 0;
        bool carriesData = (tcp[12] >> 4) * 4 < tcp.Length;
        return acknowledges ? carriesData ? 4 : 3 : 1;
    }

    /// <summary>A UDP checksum of zero over IPv4 means that there is none (RFC 768), which counts as right.</summary>
    private readonly bool IsRight(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> transport, ulong sum)
    {
        bool none = Transport == IpProtocol.Udp && IpVersion == 4 && transport[6] == 0 && transport[7] == 0;
        return none || Checksum.Fold(sum + PseudoHeaderSum(frame)) == 0xFFFF;
    }

    /// <summary>Words are little-endian: the first byte of the headers is the lowest.</summary>
    private static void ParseNetwork(
        ReadOnlySpan<byte> frame, int offset, ushort type, ulong source, ulong destination, byte bits, out FrameInfo info)
    {
        info = default;
        info.NetworkOffset = offset;
        Words ip = type switch
        {
            EtherType.Ip4 => info.ParseIp4(frame[offset..]),
            EtherType.Ip6 => info.ParseIp6(frame[offset..]),
            _ => default,
        };
        ulong flags = bits | (info.IsFragment ? MatchParameters.Fragment : 0u) | ((uint)info.IpVersion << MatchParameters.IpVersionShift);
        ulong tcp = 0;
        ulong udp = 0;
        if (info.Transport == IpProtocol.Tcp)
        {
            ReadOnlySpan<byte> header = frame[info.TransportOffset..];
            tcp = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(header) << 32) | ((ulong)header[13] << 24);
            flags |= header[12] & (ulong)MatchParameters.TcpFlagNonce;
        }
        else if (info.Transport == IpProtocol.Udp)
        {
            udp = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(frame[info.TransportOffset..]) << 32;
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

        IpVersion = 4;
        HasIpOptions = headerBytes > Ip4Header.Size;
        IsFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & (Ip4Header.MoreFragments | Ip4Header.FragmentOffsetMask)) != 0;
        FindTransport(packet[9], headerBytes, totalBytes, packet.Length);
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
        IpVersion = 6;
        IsFragment = packet[6] == FragmentHeader;
        HasIpOptions = packet[6] is 0 or 43 or FragmentHeader or 60; // hop-by-hop, routing, fragment, destination options
        FindTransport(packet[6], HeaderBytes, HeaderBytes + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]), packet.Length);
        return new Words(packet[6], (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4), packet[7],
            Vector128.Create(packet.Slice(8, 16)).AsUInt64(), Vector128.Create(packet.Slice(24, 16)).AsUInt64());
    }

    private void FindTransport(byte protocol, int headerBytes, int totalBytes, int availableBytes)
    {
        IsCutShort = totalBytes > availableBytes;
        TransportOffset = NetworkOffset + headerBytes;
        TransportBytes = Math.Min(totalBytes, availableBytes) - headerBytes;
        int needed = protocol switch { IpProtocol.Tcp => 20, IpProtocol.Udp => 8, _ => int.MaxValue };
        Transport = !IsFragment && TransportBytes >= needed ? protocol : (byte)0;
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
