using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>A slot of a completion ring that holds eight minis: completions of eight bytes, of which the second half is the byte count.</summary>
internal static unsafe class MiniCqes
{
    public const int PerSlot = 8;

    /// <summary>Writes the byte counts of all eight minis, in host order, in the way that is fastest here.</summary>
    /// <param name="minis">64 bytes.</param>
    /// <param name="byteCounts">Room for eight.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadByteCounts(void* minis, uint* byteCounts)
    {
        if (Avx2.IsSupported)
        {
            ReadByteCounts256(minis, byteCounts);
        }
        else
        {
            ReadByteCountsOneByOne(minis, byteCounts);
        }
    }

    internal static void ReadByteCounts256(void* minis, uint* byteCounts)
    {
        // The odd words of both halves, which the shuffle leaves in the order 0 1 4 5 2 3 6 7 of 64-bit pairs.
        Vector256<float> odd = Avx.Shuffle(Vector256.Load((float*)minis), Vector256.Load((float*)minis + 8), 0b11_01_11_01);
        Vector256<ulong> ordered = Avx2.Permute4x64(odd.AsUInt64(), 0b11_01_10_00);
        Avx2.Shuffle(ordered.AsByte(), SwapEachUInt32).AsUInt32().Store(byteCounts);
    }

    internal static void ReadByteCountsOneByOne(void* minis, uint* byteCounts)
    {
        for (int i = 0; i < PerSlot; i++)
        {
            byteCounts[i] = ((Be32*)minis)[(2 * i) + 1];
        }
    }

    private static Vector256<byte> SwapEachUInt32 => Vector256.Create(
        (byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}
