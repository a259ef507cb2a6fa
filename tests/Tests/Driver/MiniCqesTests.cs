using System.Runtime.Intrinsics.X86;
using CsCheck;
using Verbena.Driver.Direct;

namespace Verbena.Tests.Driver;

public sealed unsafe class MiniCqesTests
{
    [Fact]
    public void Byte_counts_are_the_same_however_they_are_read() => Gen.Byte.Array[64].Sample(minis =>
    {
        Assert.SkipUnless(Avx512F.IsSupported && Avx2.IsSupported, "this processor has no AVX-512");
        uint* one = stackalloc uint[MiniCqes.PerSlot];
        uint* two = stackalloc uint[MiniCqes.PerSlot];
        uint* three = stackalloc uint[MiniCqes.PerSlot];
        fixed (byte* from = minis)
        {
            MiniCqes.ReadByteCountsOneByOne(from, one);
            MiniCqes.ReadByteCounts256(from, two);
            MiniCqes.ReadByteCounts512(from, three);
        }

        for (int i = 0; i < MiniCqes.PerSlot; i++)
        {
            uint expected = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(minis.AsSpan((8 * i) + 4));
            Assert.Equal((expected, expected, expected), (one[i], two[i], three[i]));
        }
    });
}
