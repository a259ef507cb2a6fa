using System.Runtime.InteropServices;
using CsCheck;
using Verbena.Driver.Direct;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Driver;

/// <summary>Completions read eight at a time are what they are one by one.</summary>
public sealed unsafe class PlainCqesTests
{
    public PlainCqesTests() => Assert.SkipUnless(PlainCqes.IsSupported, "this processor has no AVX2: completions are read one by one");

    private const byte Received = Mlx5Cqe.MLX5_CQE_RESP_SEND << 4;

    private static readonly Gen<byte[]> s_completions = Gen.Byte.Array[64 * PlainCqes.Count];

    [Fact]
    public void Eight_received_packets_are_read_as_one_by_one() => Gen.Select(s_completions, Gen.Byte[0, 1], Gen.Int[0, 255]).Sample((bytes, owner, solicited) =>
    {
        Span<mlx5_cqe64> completions = MemoryMarshal.Cast<byte, mlx5_cqe64>(bytes.AsSpan());
        for (int i = 0; i < completions.Length; i++)
        {
            completions[i].op_own = (byte)(Received | owner | ((solicited >> i) & 1) << 1);
        }

        (bool all, uint[] byteCounts, BufferFlags[] flags) = Read(bytes, (byte)(Received | owner));

        Assert.True(all);
        Assert.Equal([.. completions.ToArray().Select(completion => completion.byte_cnt.Value)], byteCounts);
        Assert.Equal(
            completions.ToArray().Select(completion => (completion.l4_hdr_type_etc & 0x0C) == 0x08 && (completion.hds_ip_ext & 2) != 0 ? BufferFlags.Ip4ChecksumGood : BufferFlags.None),
            flags);
    });

    [Fact]
    public void One_that_is_not_received_in_this_pass_is_noticed_among_eight() => Gen.Select(s_completions, Gen.Int[0, 7], Gen.Byte).Sample((bytes, odd, opOwn) =>
    {
        Span<mlx5_cqe64> completions = MemoryMarshal.Cast<byte, mlx5_cqe64>(bytes.AsSpan());
        for (int i = 0; i < completions.Length; i++)
        {
            completions[i].op_own = i == odd ? opOwn : Received;
        }

        Assert.Equal((opOwn & ~2) == Received, Read(bytes, Received).All);
    });

    private static (bool All, uint[] ByteCounts, BufferFlags[] Flags) Read(byte[] completions, byte received)
    {
        uint[] byteCounts = new uint[PlainCqes.Count];
        var flags = new BufferFlags[PlainCqes.Count];
        fixed (byte* from = completions)
        fixed (uint* lengths = byteCounts)
        fixed (BufferFlags* told = flags)
        {
            return (PlainCqes.TryRead((mlx5_cqe64*)from, received, lengths, told), byteCounts, flags);
        }
    }
}
