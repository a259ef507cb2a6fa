using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Verbena.Driver.Direct;

namespace Verbena.Tests.Driver;

/// <summary>Each way to read minis that this processor knows.</summary>
public sealed unsafe class MiniCqesTests
{
    [Fact]
    public void Byte_counts_are_the_same_however_they_are_read() => Gen.Byte.Array[64].Sample(minis =>
    {
        uint[] expected = [.. Enumerable.Range(0, MiniCqes.PerSlot).Select(i => BinaryPrimitives.ReadUInt32BigEndian(minis.AsSpan((8 * i) + 4)))];
        Assert.Equal(expected, Read(minis, MiniCqes.ReadByteCountsOneByOne));
        Assert.Equal(expected, Read(minis, MiniCqes.ReadByteCounts));
        if (Avx2.IsSupported)
        {
            Assert.Equal(expected, Read(minis, MiniCqes.ReadByteCounts256));
        }
    });

    private static uint[] Read(byte[] minis, Reader read)
    {
        uint[] byteCounts = new uint[MiniCqes.PerSlot];
        fixed (byte* from = minis)
        fixed (uint* to = byteCounts)
        {
            read(from, to);
        }

        return byteCounts;
    }

    private delegate void Reader(void* minis, uint* byteCounts);
}
