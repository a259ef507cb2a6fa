using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>The Internet checksum (RFC 1071): the ones'-complement of the ones'-complement sum of 16-bit words.</summary>
/// <remarks>Sums are taken over the bytes as they lie in memory; RFC 1071, 2 (B) shows that the byte order then cancels out.</remarks>
public static class Checksum
{
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
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(data);
        foreach (uint word in words)
        {
            sum += word;
        }

        ReadOnlySpan<byte> tail = data[(words.Length * 4)..];
        if (tail.Length >= 2)
        {
            sum += MemoryMarshal.Read<ushort>(tail);
            tail = tail[2..];
        }

        if (tail.Length == 1)
        {
            sum += BitConverter.IsLittleEndian ? tail[0] : (ulong)tail[0] << 8;
        }

        return sum;
    }

    /// <summary>The checksum after one 16-bit word under it changed (RFC 1624, equation 3).</summary>
    /// <remarks>All three words are in memory order, and so is the result.</remarks>
    public static ushort Adjust(ushort checksum, ushort before, ushort after) =>
        (ushort)~Fold((ulong)(ushort)~checksum + (ushort)~before + after);

    /// <summary>A sum from <see cref="Sum"/> in 16 bits, in memory order.</summary>
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }
}
