using System.Runtime.InteropServices;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Segments of send WQEs, as a driver lays them out.</summary>
internal static class SendSegments
{
    /// <summary>An Ethernet segment with an inline header, padded.</summary>
    public static byte[] Ethernet(ReadOnlySpan<byte> inline, byte checksums = 0, ushort segmentBytes = 0, uint parserOffsets = 0, byte parserFlags = 0)
    {
        byte[] segment = new byte[16 + (inline.Length > 2 ? (inline.Length - 2 + 15) & -16 : 0)];
        Write(segment, new mlx5_wqe_eth_seg
        {
            swp_offsets = parserOffsets,
            cs_flags = checksums,
            swp_flags = parserFlags,
            mss = segmentBytes,
            inline_hdr_sz = (ushort)inline.Length,
        });
        inline.CopyTo(segment.AsSpan(14));
        return segment;
    }

    /// <summary>An Ethernet segment that has a tag inserted.</summary>
    public static byte[] TaggedEthernet(ushort tag, byte checksums = 0, bool isServiceTag = false)
    {
        byte[] segment = new byte[16];
        Write(segment, new mlx5_wqe_eth_seg
        {
            cs_flags = checksums,
            inline_hdr_sz = (ushort)(Mlx5Prm.MLX5_ETH_WQE_INSERT_VLAN | (isServiceTag ? Mlx5Prm.MLX5_ETH_WQE_SVLAN : 0)),
            insert_vlan_tci = tag,
        });
        return segment;
    }

    private static void Write(Span<byte> segment, mlx5_wqe_eth_seg value) =>
        MemoryMarshal.AsBytes(new Span<mlx5_wqe_eth_seg>(ref value))[..16].CopyTo(segment);
}
