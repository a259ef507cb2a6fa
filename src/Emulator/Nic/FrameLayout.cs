using System.Runtime.CompilerServices;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Where the headers of a frame are, and what completions tell of them.</summary>
internal record struct FrameLayout
{
    /// <summary>What a completion tells of a UDP header.</summary>
    public const int UdpType = 2;

    /// <summary>4, 6, or 0 if there is no IP header, or not the whole of it.</summary>
    public byte IpVersion;

    /// <summary>TCP or UDP if that header is there whole and the packet no fragment, else 0.</summary>
    public byte Transport;

    /// <summary>What follows the IP header, as that says.</summary>
    public byte Protocol;
    public bool IsFragment;
    public bool HasIpOptions;

    /// <summary>True if the frame ends before the packet does by its IP header; the headers are as good as any to steer by.</summary>
    public bool IsCutShort;

    /// <summary>The CQE's l4_hdr_type_etc: transport in bits 6:4, IP version in 3:2, fragment in 7, options in 1.</summary>
    public byte HeaderTypes;
    public int NetworkOffset;
    public int TransportOffset;

    /// <summary>Length of the transport header and its payload by the IP header, in bytes, as far as the frame has them.</summary>
    public int TransportBytes;

    /// <summary>True if an ESP header, SPI and sequence number (RFC 4303, 2), is there whole.</summary>
    public readonly bool HasEsp => Protocol == IpProtocol.Esp && !IsFragment && TransportBytes >= 8;

    /// <summary>Takes note of what follows an IP header at <see cref="NetworkOffset"/>.</summary>
    /// <param name="protocol">By the IP header.</param>
    /// <param name="headerBytes">Length of that header.</param>
    /// <param name="totalBytes">Length of the packet, as it says.</param>
    /// <param name="availableBytes">What the frame has of it.</param>
    public void FindTransport(byte protocol, int headerBytes, int totalBytes, int availableBytes)
    {
        Protocol = protocol;
        IsCutShort = totalBytes > availableBytes;
        TransportOffset = NetworkOffset + headerBytes;
        TransportBytes = Math.Min(totalBytes, availableBytes) - headerBytes;
        int needed = protocol switch { IpProtocol.Tcp => 20, IpProtocol.Udp => 8, _ => int.MaxValue };
        Transport = !IsFragment && TransportBytes >= needed ? protocol : (byte)0;
    }

    /// <summary>Reads from the headers, whose places are known, what <see cref="HeaderTypes"/> tells.</summary>
    public void ReadHeaderTypes(ReadOnlySpan<byte> frame)
    {
        int network = IpVersion switch
        {
            4 => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV4,
            6 => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV6,
            _ => Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_NONE,
        };
        int transport = Transport switch
        {
            IpProtocol.Udp => UdpType,
            IpProtocol.Tcp => TcpType(frame.Slice(TransportOffset, TransportBytes)),
            _ => 0,
        };
        HeaderTypes = (byte)((IsFragment ? 0x80 : 0) | Types(network, transport) | (HasIpOptions ? 2 : 0));
    }

    /// <summary>A packet that is no fragment and has no options.</summary>
    public static byte Types(int network, int transport) => (byte)((transport << 4) | (network << 2));

    /// <summary>What a completion tells of a TCP header.</summary>
    public static int TcpType(ReadOnlySpan<byte> tcp)
    {
        bool acknowledges = (tcp[13] & 0x10) != 0;
        bool carriesData = (tcp[12] >> 4) * 4 < tcp.Length;
        return acknowledges ? carriesData ? 4 : 3 : 1;
    }

    /// <summary>The CQE's L2_OK, L3_OK and L4_OK, and its check_sum: that of the whole IP packet, without what pads the frame.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public readonly ChecksumStatus Check(ReadOnlySpan<byte> frame)
    {
        int ok = Mlx5Cqe.MLX5_CQE_L2_OK;
        if (IpVersion == 0)
        {
            return new ChecksumStatus(ok, 0);
        }

        ulong header = Checksum.Sum(frame[NetworkOffset..TransportOffset]);
        ReadOnlySpan<byte> payload = frame.Slice(TransportOffset, TransportBytes);
        ulong payloadSum = Checksum.Sum(payload);
        ok |= IpVersion == 6 || Checksum.Fold(header) == 0xFFFF ? Mlx5Cqe.MLX5_CQE_L3_OK : 0;
        ok |= Transport != 0 && !IsCutShort && IsRight(frame, payload, payloadSum) ? Mlx5Cqe.MLX5_CQE_L4_OK : 0;
        return new ChecksumStatus(ok, Checksum.Fold(header + payloadSum));
    }

    /// <summary>Sum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), to be continued over the transport's bytes.</summary>
    public readonly ulong PseudoHeaderSum(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> addresses = IpVersion == 4 ? frame.Slice(NetworkOffset + 12, 8) : frame.Slice(NetworkOffset + 8, 32);
        ulong sum = Checksum.Sum(addresses);
        return sum + new Be16(Transport).Raw + new Be16((ushort)TransportBytes).Raw;
    }

    /// <summary>A UDP checksum of zero over IPv4 means that there is none (RFC 768), which counts as right.</summary>
    private readonly bool IsRight(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> transport, ulong sum)
    {
        bool none = Transport == IpProtocol.Udp && IpVersion == 4 && transport[6] == 0 && transport[7] == 0;
        return none || Checksum.Fold(sum + PseudoHeaderSum(frame)) == 0xFFFF;
    }
}

/// <summary>What a completion says of checksums: its hds_ip_ext and check_sum, in one word, which is handed over in a register.</summary>
internal readonly struct ChecksumStatus(int ok, ushort sum)
{
    private readonly uint _word = ((uint)ok << 16) | sum;

    /// <summary>L2_OK, L3_OK and L4_OK.</summary>
    public byte Ok => (byte)(_word >> 16);

    /// <summary>Of the whole IP packet.</summary>
    public Be16 Sum => Be16.FromRaw((ushort)_word);
}
