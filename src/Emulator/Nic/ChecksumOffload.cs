using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Writes the checksums that a sender left to the NIC.</summary>
internal static class ChecksumOffload
{
    public const byte All = Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM
        | Mlx5Prm.MLX5_ETH_WQE_L3_INNER_CSUM | Mlx5Prm.MLX5_ETH_WQE_L4_INNER_CSUM;

    /// <summary>Completes the frame; whatever stands in the fields is replaced. Headers that are not there are left alone.</summary>
    /// <param name="frame">The whole frame.</param>
    /// <param name="headers">Its headers.</param>
    /// <param name="flags">MLX5_ETH_WQE_*_CSUM.</param>
    public static void Apply(Span<byte> frame, in FrameHeaders headers, byte flags)
    {
        // The inner ones first: an outer UDP checksum covers them.
        Apply(frame, headers.Inner, (flags & Mlx5Prm.MLX5_ETH_WQE_L3_INNER_CSUM) != 0, (flags & Mlx5Prm.MLX5_ETH_WQE_L4_INNER_CSUM) != 0);
        Apply(frame, headers.Outer, (flags & Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM) != 0, (flags & Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM) != 0);
    }

    /// <summary>Completes a sum that the sender began: over everything from <paramref name="start"/> on, to be stored at <paramref name="field"/>.</summary>
    public static void Complete(Span<byte> frame, int start, int field)
    {
        if (start < field && field + 2 <= frame.Length)
        {
            MemoryMarshal.Write(frame[field..], Checksum.Compute(frame[start..]));
        }
    }

    private static void Apply(Span<byte> frame, in HeaderLayer layer, bool network, bool transport)
    {
        if (network && layer.IpVersion == 4)
        {
            Write(frame.Slice(layer.NetworkOffset, layer.NetworkBytes), 10, 0, zeroMeansNone: false);
        }

        if (transport && layer.Transport != 0 && layer.TransportBytes(frame) is var bytes and not 0)
        {
            bool isUdp = layer.Transport == IpProtocol.Udp;
            Write(frame.Slice(layer.TransportOffset, bytes), isUdp ? 6 : 16, layer.PseudoHeaderSum(frame, bytes), isUdp);
        }
    }

    private static void Write(Span<byte> covered, int field, ulong partial, bool zeroMeansNone)
    {
        BinaryPrimitives.WriteUInt16BigEndian(covered[field..], 0);
        ushort sum = Checksum.Compute(covered, partial);
        BinaryPrimitives.WriteUInt16BigEndian(covered[field..], sum == 0 && zeroMeansNone ? (ushort)0xFFFF : sum);
    }
}
