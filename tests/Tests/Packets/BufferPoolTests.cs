using CsCheck;
using Verbena.Packets;

namespace Verbena.Tests.Packets;

public sealed class BufferPoolTests
{
    [Fact]
    public void All_buffers_can_be_taken_once_and_no_more()
    {
        using BufferPool pool = new(100);
        BufferIndex[] taken = new BufferIndex[128];
        Assert.Equal(100, pool.Take(taken));
        Assert.Equal(0, pool.FreeCount);
        Assert.False(pool.TryTake(out _));
        Assert.Equal(100, taken.Take(100).Distinct().Count());
        pool.Return(taken.AsSpan(0, 100));
        Assert.Equal(100, pool.FreeCount);
    }

    [Fact]
    public void The_buffer_returned_last_is_taken_first()
    {
        using BufferPool pool = new(10);
        BufferIndex[] taken = new BufferIndex[3];
        pool.Take(taken);
        pool.Return(taken[1]);
        Assert.True(pool.TryTake(out BufferIndex again));
        Assert.Equal(taken[1], again);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(16384)]
    [InlineData(18725)]
    public void Seven_buffers_of_eight_can_be_reserved_and_again_when_a_reservation_has_ended(int count)
    {
        using BufferPool pool = new(count);
        Assert.InRange(BufferPool.CountToReserve(pool.MaxReserved), count - 1, count);
        Assert.InRange(BufferPool.CountToReserve(pool.MaxReserved + 1), count + 1, count + 2);
        Assert.True(pool.TryReserve(pool.MaxReserved));
        Assert.False(pool.TryReserve(1));
        Assert.Equal(pool.MaxReserved, pool.ReservedCount);
        pool.EndReservation(1);
        Assert.True(pool.TryReserve(1));
        Assert.Equal(count, pool.FreeCount);
    }

    [Fact]
    public async Task A_thread_with_a_cache_can_take_all_buffers_and_others_can_have_them_when_it_has_returned_many()
    {
        using BufferPool pool = new(4096);
        BufferIndex[] taken = new BufferIndex[4096];
        await RunOnThreadAsync(() =>
        {
            pool.UseCache(0);
            Assert.Equal(4096, pool.Take(taken));
            Assert.False(pool.TryTake(out _));
            foreach (BufferIndex buffer in taken)
            {
                pool.Return(buffer);
            }
        });
        Assert.Equal(4096, pool.FreeCount);
        await RunOnThreadAsync(() => Assert.InRange(pool.Take(taken), 3584, 4095));
    }

    [Fact]
    public async Task Threads_that_take_and_return_beside_each_other_never_hold_the_same_buffer()
    {
        using BufferPool pool = new(1024);
        int[] holders = new int[1024];
        Task[] threads = [.. Enumerable.Range(0, 3).Select(number => RunOnThreadAsync(() => TakeAndReturn(pool, number, holders)))];
        await Task.WhenAll(threads);
        Assert.Equal(1024, pool.FreeCount);
    }

    [Fact]
    public void A_taken_buffer_has_a_fresh_header()
    {
        using BufferPool pool = new(1);
        pool.TryTake(out BufferIndex buffer);
        pool.Header(buffer).Flags = BufferFlags.LocallyOriginated;
        pool.SetPacket(buffer, new byte[60]);
        pool.Return(buffer);
        pool.TryTake(out buffer);
        Assert.Equal(BufferFlags.None, pool.Header(buffer).Flags);
        Assert.Equal(0, pool.Packet(buffer).Length);
        Assert.Equal(BufferPool.HeadroomBytes, pool.Header(buffer).DataOffset);
    }

    [Fact]
    public void A_packet_comes_out_as_it_was_put_in_and_touches_no_other_buffer()
    {
        Gen.Byte.Array[1, BufferPool.DataBytes].List[2, 8].Sample(packets =>
        {
            using BufferPool pool = new(packets.Count);
            BufferIndex[] buffers = new BufferIndex[packets.Count];
            pool.Take(buffers);
            for (int i = 0; i < buffers.Length; i++)
            {
                pool.SetPacket(buffers[i], packets[i]);
            }

            for (int i = 0; i < buffers.Length; i++)
            {
                Assert.Equal(packets[i], pool.Packet(buffers[i]).ToArray());
            }
        }, iter: 20);
    }

    [Fact]
    public void Headers_can_be_dropped_and_put_in_front()
    {
        using BufferPool pool = new(1);
        pool.TryTake(out BufferIndex buffer);
        pool.SetPacket(buffer, [1, 2, 3, 4]);
        pool.Advance(buffer, 2);
        Assert.Equal<byte>([3, 4], pool.Packet(buffer).ToArray());
        pool.Advance(buffer, -2);
        Assert.Equal<byte>([1, 2, 3, 4], pool.Packet(buffer).ToArray());
        Assert.Equal(0x0102, pool.PacketHeader<Be16>(buffer).Value);
    }

    [Fact]
    public void A_packet_longer_than_a_buffer_is_refused()
    {
        using BufferPool pool = new(1);
        pool.TryTake(out BufferIndex buffer);
        Assert.Throws<ArgumentException>(() => pool.SetPacket(buffer, new byte[BufferPool.DataBytes + 1]));
    }

    private static Task RunOnThreadAsync(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>The last thread has no cache, as the control thread.</summary>
    private static void TakeAndReturn(BufferPool pool, int number, int[] holders)
    {
        if (number < 2)
        {
            pool.UseCache(number);
        }

        Random random = new(number);
        BufferIndex[] taken = new BufferIndex[400];
        for (int i = 0; i < 20_000; i++)
        {
            Span<BufferIndex> held = taken.AsSpan(0, pool.Take(taken.AsSpan(0, random.Next(400))));
            foreach (BufferIndex buffer in held)
            {
                Assert.Equal(1, Interlocked.Increment(ref holders[buffer.Value]));
            }

            foreach (BufferIndex buffer in held)
            {
                Assert.Equal(0, Interlocked.Decrement(ref holders[buffer.Value]));
            }

            int half = random.Next(held.Length + 1);
            pool.Return(held[..half]);
            pool.Return(held[half..]);
        }
    }
}
