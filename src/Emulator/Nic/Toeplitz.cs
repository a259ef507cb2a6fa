using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Verbena.Emulator.Nic;

/// <summary>The Toeplitz hash of a 40-byte key, in the order in which RSS takes the fields.</summary>
/// <remarks>For each input bit from the first on, the 32 key bits at its position are xored. One table look-up takes a byte.</remarks>
internal sealed class Toeplitz
{
    public const int KeyBytes = 40;
    private const int MaxInputBytes = 36;

    private readonly uint[] _table = new uint[MaxInputBytes * 256];

    public Toeplitz(ReadOnlySpan<byte> key)
    {
        for (int position = 0; position < MaxInputBytes; position++)
        {
            ulong window = (ulong)BinaryPrimitives.ReadUInt32BigEndian(key[position..]) << 8 | key[position + 4];
            for (int value = 0; value < 256; value++)
            {
                for (int bit = 0; bit < 8; bit++)
                {
                    bool set = (value & (0x80 >> bit)) != 0;
                    _table[(position * 256) + value] ^= set ? (uint)(window >> (8 - bit)) : 0;
                }
            }
        }
    }

    /// <summary>The hash of an input, or what bytes from <paramref name="position"/> on of a longer one contribute, to be xored.</summary>
    public uint Hash(ReadOnlySpan<byte> input, int position = 0)
    {
        uint hash = 0;
        ref uint table = ref MemoryMarshal.GetReference(_table.AsSpan(position * 256, input.Length * 256)); // checked once
        for (int i = 0; i < input.Length; i++)
        {
            hash ^= Unsafe.Add(ref table, (i * 256) + input[i]);
        }

        return hash;
    }
}
