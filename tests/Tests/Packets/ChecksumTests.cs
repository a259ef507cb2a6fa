using CsCheck;
using Verbena.Packets;

namespace Verbena.Tests.Packets;

public sealed class ChecksumTests
{
    [Fact]
    public void The_example_of_RFC_1071_sums_to_its_result()
    {
        byte[] data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        Assert.Equal(0x220d, Checksum.Compute(data).Value);
    }

    [Fact]
    public void What_was_computed_is_valid_and_any_changed_bit_is_not()
    {
        Gen.Select(Gen.Byte.Array[2, 80], Gen.Int[0, 79], Gen.Int[0, 7]).Sample((data, at, bit) =>
        {
            data[0] = data[1] = 0;
            Be16 sum = Checksum.Compute(data);
            (data[0], data[1]) = ((byte)(sum.Value >> 8), (byte)sum.Value);
            Assert.True(Checksum.IsValid(data));
            data[at % data.Length] ^= (byte)(1 << bit);
            Assert.False(Checksum.IsValid(data));
        });
    }

    [Fact]
    public void A_sum_of_any_length_is_that_of_its_words()
    {
        Gen.Byte.Array[0, 300].Sample(data =>
        {
            ulong expected = 0;
            for (int i = 0; i < data.Length; i++)
            {
                expected += (ulong)data[i] << ((i & 1) * 8);
            }

            Assert.Equal(Checksum.Fold(expected), Checksum.Fold(Checksum.Sum(data)));
        });
    }

    [Fact]
    public void Adjusting_for_one_word_equals_computing_again()
    {
        Gen.Select(Gen.Byte.Array[20], Gen.UShort).Sample((data, after) =>
        {
            data[10] = data[11] = 0;
            ushort before = BitConverter.ToUInt16(data, 8);
            ushort adjusted = Checksum.Adjust(Checksum.Compute(data).Raw, before, after);
            BitConverter.TryWriteBytes(data.AsSpan(8), after);
            BitConverter.TryWriteBytes(data.AsSpan(10), adjusted);
            Assert.True(Checksum.IsValid(data));
        });
    }
}
