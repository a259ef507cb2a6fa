using CsCheck;
using Verbena.Driver.Direct;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Driver;

/// <summary>Behind a compressed session nothing may be left that looks like a completion in this pass or a later one.</summary>
public sealed unsafe class WrittenSlotsTests
{
    private const byte Valid = Mlx5Cqe.MLX5_CQE_RESP_SEND << 4;
    private const byte Invalid = Mlx5Cqe.MLX5_CQE_INVALID << 4;

    /// <summary>Completions one by one, then a session; over and over, so that sessions begin anywhere in the ring and cross its end.</summary>
    private static readonly Gen<(uint Plain, uint Session)[]> s_traffic =
        Gen.Select(Gen.UInt[0, 300], Gen.UInt[2, 64]).Array[1, 60];

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(1024)]
    public void No_slot_of_a_session_stays_valid(int slots) => s_traffic.Sample(traffic =>
    {
        var entries = new mlx5_cqe64[slots];
        Array.Fill(entries, new mlx5_cqe64 { op_own = Invalid });
        fixed (mlx5_cqe64* memory = entries)
        {
            var ring = new CompletionRing(new mlx5dv_cq { buf = (byte*)memory, cqe_cnt = (uint)slots, cqe_size = 64 });
            using var written = new WrittenSlots((uint)slots);
            uint index = uint.MaxValue - 5000; // so that the running count passes through zero
            uint noted = index;
            foreach ((uint plain, uint session) in traffic)
            {
                for (uint end = index + plain; index != end; index++)
                {
                    ring.Entry(index)->op_own = Valid;
                }

                written.Add(noted, index + 1);
                ring.Entry(index)->op_own = Valid;
                foreach (uint slot in Enumerable.Range(0, (int)session).Where(i => i % MiniCqes.PerSlot == 0).Select(i => index + (uint)Math.Max(i, 1)))
                {
                    ring.Entry(slot)->op_own = Valid; // a mini, which may look like anything
                    written.Add(slot, slot + 1);
                }

                uint title = index;
                noted = index += session;
                written.Invalidate(ring, title + 1, index);
                for (uint i = title + 1; i != index; i++)
                {
                    Assert.Equal(Invalid, ring.Entry(i)->op_own);
                }

                Assert.Equal(Valid, ring.Entry(title)->op_own);
            }
        }
    });
}
