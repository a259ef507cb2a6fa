using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>The part of the pool that a port's receive queues hold when they are full, so that all ports together never want too much.</summary>
internal sealed class BufferReservation : IDisposable
{
    private readonly BufferPool _pool;
    private readonly int _count;

    /// <exception cref="BufferShortageException">The pool can't spare so many.</exception>
    public BufferReservation(RdmaInterfaceOptions options, BufferPool pool, int count)
    {
        (_pool, _count) = (pool, count);
        if (!pool.TryReserve(count))
        {
            throw new BufferShortageException(
                $"{options.RxQueues} receive queues of {options.RxQueueSize} hold {count} buffers, but of {pool.Count} only "
                + $"{pool.MaxReserved - pool.ReservedCount} are left for that: use fewer or smaller queues",
                BufferPool.CountToReserve(pool.ReservedCount + count));
        }
    }

    public void Dispose() => _pool.EndReservation(_count);
}
