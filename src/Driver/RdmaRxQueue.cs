using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>What the receive queues of both modes count and tell.</summary>
internal abstract class RdmaRxQueue(CompletionChannel channel) : RxQueue, IDisposable
{
    /// <summary>The part of a queue, one in so many: if as much of it has no buffers, what has arrived waits until they are there.</summary>
    protected const int UrgentPart = 4;

    private ulong _packets;
    private ulong _bytes;
    private ulong _noBuffer;

    public override RxCounters Counters =>
        new(Volatile.Read(ref _packets), Volatile.Read(ref _bytes), Volatile.Read(ref _noBuffer), Errors.Total);

    public override int EventDescriptor => channel.Descriptor;

    public QueueErrors Errors { get; } = new();

    /// <summary>Returns the buffers that the NIC had. Its queue must be gone.</summary>
    public abstract void Dispose();

    /// <summary>Takes the events that are there, and returns how many.</summary>
    protected uint TakeEvents() => channel.TakeEvents();

    protected void CountReceived(int packets, ulong bytes)
    {
        Volatile.Write(ref _packets, _packets + (ulong)packets);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    protected void CountNoBuffer() => Volatile.Write(ref _noBuffer, _noBuffer + 1);
}
