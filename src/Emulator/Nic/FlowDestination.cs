namespace Verbena.Emulator.Nic;

/// <summary>What flows lead to: a queue pair with a receive queue of its own, or an RSS queue pair.</summary>
public abstract class FlowDestination
{
    private readonly ReceiveQueue[] _queues; // a power of two of them
    private readonly Rss? _rss;

    private protected FlowDestination(NicContext context, ReceiveQueue[] queues, Rss? rss)
    {
        Context = context;
        _queues = queues;
        _rss = rss;
    }

    public NicContext Context { get; }

    /// <summary>False for a queue pair that only sends.</summary>
    internal bool Receives => _queues.Length > 0;

    /// <summary>Chooses a queue for the frame and puts it there. What can't be hashed goes to the table's first queue.</summary>
    internal PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, uint tag, ulong timestamp)
    {
        (uint Hash, byte Type) rss = _rss is null ? default : _rss.Compute(frame, in info);
        return _queues[rss.Hash & (uint)(_queues.Length - 1)].Deliver(frame, in info, rss, tag, timestamp);
    }
}
