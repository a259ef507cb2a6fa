using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>What the receive queues of both modes count and tell.</summary>
internal abstract class RdmaRxQueue : RxQueue, IDisposable
{
    private ulong _packets;
    private ulong _bytes;
    private ulong _noBuffer;
    private int _restartError;

    public override RxCounters Counters =>
        new(Volatile.Read(ref _packets), Volatile.Read(ref _bytes), Volatile.Read(ref _noBuffer), Errors.Total);

    /// <summary>Completions with an error.</summary>
    public CompletionErrors Errors { get; } = new();

    /// <summary>errno of the failed attempt to get the queue going again after an error; 0 while it works.</summary>
    public int RestartError
    {
        get => Volatile.Read(ref _restartError);
        protected set => Volatile.Write(ref _restartError, value);
    }

    /// <summary>Returns the buffers that the NIC had. Its queue must be gone.</summary>
    public abstract void Dispose();

    protected void CountReceived(int packets, ulong bytes)
    {
        Volatile.Write(ref _packets, _packets + (ulong)packets);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    protected void CountNoBuffer() => Volatile.Write(ref _noBuffer, _noBuffer + 1);
}
