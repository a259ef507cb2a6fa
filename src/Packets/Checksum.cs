using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Verbena.Packets;

/// <summary>The Internet checksum (RFC 1071): the ones'-complement of the ones'-complement sum of 16-bit words.</summary>
/// <remarks>Sums are taken over the bytes as they lie in memory; RFC 1071, 2 (B) shows that the byte order then cancels out.</remarks>
public static class Checksum
{
    private const ulong LowWord = 0xFFFF_FFFF;

    /// <summary>The checksum to store for <paramref name="data"/>, whose own checksum field is zero.</summary>
    /// <param name="data">The bytes to cover; an odd one out is padded with zero.</param>
    /// <param name="partial">A sum from <see cref="Sum"/> to start from, such as that of a pseudo-header.</param>
    public static Be16 Compute(ReadOnlySpan<byte> data, ulong partial = 0)
    {
        ushort folded = (ushort)~Fold(Sum(data, partial));
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(folded) : folded;
    }

    /// <summary>True if <paramref name="data"/>, its checksum field included, sums to all ones.</summary>
    public static bool IsValid(ReadOnlySpan<byte> data, ulong partial = 0) => Fold(Sum(data, partial)) == 0xFFFF;

    /// <summary>Adds <paramref name="data"/> to an unfolded sum of words in memory order.</summary>
    public static ulong Sum(ReadOnlySpan<byte> data, ulong partial = 0)
    {
        ulong sum = partial;
        ref byte at = ref MemoryMarshal.GetReference(data);
        int left = data.Length;
        if (left >= Vector256<byte>.Count)
        {
            int whole = left & -Vector256<byte>.Count;
            sum += SumVectors(ref at, whole);
            at = ref Unsafe.Add(ref at, whole);
            left -= whole;
        }

        if (left >= Vector128<byte>.Count)
        {
            Vector128<ulong> words = Vector128.LoadUnsafe(ref at).AsUInt64();
            sum += Vector128.Sum((words & Vector128.Create(LowWord)) + (words >>> 32));
            at = ref Unsafe.Add(ref at, Vector128<byte>.Count);
            left -= Vector128<byte>.Count;
        }

        if (left >= sizeof(ulong))
        {
            ulong words = Unsafe.ReadUnaligned<ulong>(ref at);
            sum += (words & LowWord) + (words >> 32);
            at = ref Unsafe.Add(ref at, sizeof(ulong));
            left -= sizeof(ulong);
        }

        if (left == 0)
        {
            return sum;
        }

        if (!BitConverter.IsLittleEndian || data.Length < sizeof(ulong))
        {
            return sum + Tail(data[^left..]);
        }

        // The last eight bytes, of which those that were summed before are shifted out.
        ulong last = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, left - sizeof(ulong))) >> (8 * (sizeof(ulong) - left));
        return sum + (last & LowWord) + (last >> 32);
    }

    /// <summary>The checksum after one 16-bit word under it changed (RFC 1624, equation 3).</summary>
    /// <remarks>All three words are in memory order, and so is the result.</remarks>
    public static ushort Adjust(ushort checksum, ushort before, ushort after) =>
        (ushort)~Fold((ulong)(ushort)~checksum + (ushort)~before + after);

    /// <summary>A sum from <see cref="Sum"/> in 16 bits, in memory order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        uint words = (uint)((sum + BitOperations.RotateRight(sum, 32)) >> 32); // a carry out of the lower half comes back in the upper one
        return (ushort)((words + BitOperations.RotateRight(words, 16)) >> 16);
    }

    /// <summary>Sums whole vectors, as words of 32 bits.</summary>
    private static ulong SumVectors(ref byte data, int lengthBytes)
    {
        Vector256<ulong> sums = Vector256<ulong>.Zero;
        for (int at = 0; at < lengthBytes; at += Vector256<byte>.Count)
        {
            Vector256<ulong> words = Vector256.LoadUnsafe(ref data, (nuint)at).AsUInt64();
            sums += (words & Vector256.Create(LowWord)) + (words >>> 32);
        }

        return Vector256.Sum(sums);
    }

    /// <summary>Sums up to seven bytes.</summary>
    private static ulong Tail(ReadOnlySpan<byte> data)
    {
        ulong sum = 0;
        if (data.Length >= sizeof(uint))
        {
            sum += MemoryMarshal.Read<uint>(data);
            data = data[sizeof(uint)..];
        }

        if (data.Length >= sizeof(ushort))
        {
            sum += MemoryMarshal.Read<ushort>(data);
            data = data[sizeof(ushort)..];
        }

        return data.Length == 0 ? sum : sum + (BitConverter.IsLittleEndian ? data[0] : (ulong)data[0] << 8);
    }
}
