using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>What the transmit queues of both modes count and tell.</summary>
internal abstract class RdmaTxQueue : TxQueue, IDisposable
{
    private ulong _packets;
    private ulong _bytes;
    private ulong _lost;
    private volatile bool _isGone;

    public override TxCounters Counters => new(Volatile.Read(ref _packets), Volatile.Read(ref _bytes), Volatile.Read(ref _lost));

    public QueueErrors Errors { get; } = new();

    public override bool IsStopped => Errors.RestartErrno != 0;

    public override bool IsEmpty => PendingBuffers == 0 || IsStopped || _isGone;

    /// <summary>Buffers that the NIC has.</summary>
    protected abstract int PendingBuffers { get; }

    /// <summary>Notes that the NIC does not work any more, so that nobody waits for what it had. From the control thread.</summary>
    public void SetGone() => _isGone = true;

    /// <summary>Returns the buffers that the NIC had. Its queue must be gone.</summary>
    public abstract void Dispose();

    protected void CountSent(int packets, ulong bytes)
    {
        Volatile.Write(ref _packets, _packets + (ulong)packets);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>Counts packets that were in a queue when it stopped at an error.</summary>
    protected void CountLost(int packets) => Volatile.Write(ref _lost, _lost + (ulong)packets);

    /// <summary>Packets among buffers in a ring: of a chain, the last buffer counts.</summary>
    protected static int CountPackets(in BufferRing ring, BufferPool pool)
    {
        int count = 0;
        for (int i = 0; i < ring.Count; i++)
        {
            count += (pool.Header(ring[i]).Flags & BufferFlags.HasNext) == BufferFlags.None ? 1 : 0;
        }

        return count;
    }
}
