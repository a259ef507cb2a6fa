using CsCheck;
using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Tests.Driver;

public sealed class BufferRingTests
{
    [Fact]
    public void Whatever_is_added_taken_and_returned_the_ring_is_a_queue_and_no_buffer_is_lost()
    {
        Gen<(int Kind, int Count)[]> steps = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 8]).Array[0, 60];
        steps.Sample(steps =>
        {
            using var pool = new BufferPool(16);
            var ring = new BufferRing(8);
            var model = new Queue<BufferIndex>();
            foreach ((int kind, int count) in steps)
            {
                Step(kind, count, pool, ref ring, model);
                Assert.Equal((model.Count, 8 - model.Count), (ring.Count, ring.Free));
                Assert.Equal(16, pool.FreeCount + model.Count);
            }
        });
    }

    private static void Step(int kind, int count, BufferPool pool, ref BufferRing ring, Queue<BufferIndex> model)
    {
        switch (kind)
        {
            case 0:
                Span<BufferIndex> taken = new BufferIndex[Math.Min(count, ring.Free)];
                Assert.Equal(taken.Length, pool.Take(taken));
                ring.Add(taken);
                foreach (BufferIndex buffer in taken)
                {
                    model.Enqueue(buffer);
                }

                break;
            case 1 when model.Count > 0:
                BufferIndex oldest = ring.Take();
                Assert.Equal(model.Dequeue(), oldest);
                pool.Return(oldest);
                break;
            case 2:
                int returned = Math.Min(count, model.Count);
                ring.Return(returned, pool);
                BufferIndex[] free = new BufferIndex[returned]; // the pool gives first what it got last
                Assert.Equal(returned, pool.Take(free));
                Assert.Equal(Enumerable.Range(0, returned).Select(_ => model.Dequeue()), free);
                pool.Return(free);
                break;
        }
    }
}
