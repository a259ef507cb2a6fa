using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>Eight neighbouring completions of 64 bytes that are not compressed, read together.</summary>
/// <remarks>All that is wanted of a completion lies in the last four bytes of three of its 16-byte pieces.</remarks>
internal static unsafe class PlainCqes
{
    public const int Count = 8;

    private const int Flags = 1; // 16-byte pieces of a completion: hds_ip_ext and l4_hdr_type_etc end the second
    private const int ByteCount = 2;
    private const int OpOwn = 3;

    /// <summary>Whether this processor can.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Writes byte counts, in host order, and flags of the completions; false, and what is written is void, if not all are of received packets.</summary>
    /// <param name="entries">Eight of the ring, in one row.</param>
    /// <param name="received">op_own of such a completion in this pass, but for the solicited bit.</param>
    /// <param name="byteCounts">Room for eight.</param>
    /// <param name="flags">Room for eight.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(mlx5_cqe64* entries, byte received, uint* byteCounts, BufferFlags* flags)
    {
        const uint Solicited = 2;
        Vector256<uint> opOwn = (LastWords(entries, OpOwn) >>> 24) & Vector256.Create(~Solicited);
        if (opOwn != Vector256.Create((uint)received))
        {
            return false;
        }

        Volatile.ReadBarrier(); // the NIC has written the rest before
        Avx2.Shuffle(LastWords(entries, ByteCount).AsByte(), SwapEachUInt32).AsUInt32().Store(byteCounts);
        const uint GoodIp4 = ((uint)Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV4 << 10) | Mlx5Cqe.MLX5_CQE_L3_OK;
        Vector256<uint> status = LastWords(entries, Flags) & Vector256.Create((3u << 10) | Mlx5Cqe.MLX5_CQE_L3_OK);
        Vector256<uint> good = Vector256.Equals(status, Vector256.Create(GoodIp4)) & Vector256.Create((uint)BufferFlags.Ip4ChecksumGood);
        good.Store((uint*)flags);
        return true;
    }

    /// <summary>The last word of the same 16-byte piece of each of the eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> LastWords(mlx5_cqe64* entries, int piece)
    {
        Vector256<uint> low = Avx2.UnpackHigh(Pieces(entries, piece), Pieces(entries + 1, piece));
        Vector256<uint> high = Avx2.UnpackHigh(Pieces(entries + 2, piece), Pieces(entries + 3, piece));
        return Avx2.UnpackHigh(low.AsUInt64(), high.AsUInt64()).AsUInt32();
    }

    /// <summary>A piece of this entry, and the same of the fourth behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Pieces(mlx5_cqe64* entry, int piece) =>
        Vector256.Create(Vector128.Load((uint*)entry + (4 * piece)), Vector128.Load((uint*)(entry + 4) + (4 * piece)));

    private static Vector256<byte> SwapEachUInt32 => Vector256.Create(
        (byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}
