using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Verbena.Driver.Direct;

namespace Verbena.Tests.Driver;

/// <summary>Each way to read minis that this processor knows.</summary>
public sealed unsafe class MiniCqesTests
{
    [Fact]
    public void Byte_counts_are_the_same_however_they_are_read()
    {
        Assert.SkipUnless(Avx2.IsSupported, "this processor has no AVX2: minis are read one by one");
        AssertReads(MiniCqes.ReadByteCounts256);
    }

    [Fact]
    public void Byte_counts_are_read_one_by_one_where_there_is_no_AVX2() => AssertReads(MiniCqes.ReadByteCountsOneByOne);

    private static void AssertReads(Reader reader) => Gen.Byte.Array[64].Sample(minis => Assert.Equal(
        Enumerable.Range(0, MiniCqes.PerSlot).Select(i => BinaryPrimitives.ReadUInt32BigEndian(minis.AsSpan((8 * i) + 4))),
        Read(minis, reader)));

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
