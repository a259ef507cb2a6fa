namespace Verbena.Emulator.Nic;

/// <summary>Receive queues that flows lead to: a queue pair with one of its own, or an RSS queue pair.</summary>
public abstract class QueueDestination : FlowDestination
{
    private readonly ReceiveQueue[] _queues; // a power of two of them
    private readonly Rss? _rss;
    private readonly bool _offloadsTunnels;
    private readonly PortCounters _counters;

    private protected QueueDestination(NicContext context, ReceiveQueue[] queues, Rss? rss, bool offloadsTunnels, PortCounters counters)
        : base(context)
    {
        _queues = queues;
        _rss = rss;
        _offloadsTunnels = offloadsTunnels;
        _counters = counters;
    }

    internal override bool Receives => _queues.Length > 0;

    /// <summary>Chooses a queue for the frame and puts it there. What can't be hashed goes to the table's first queue.</summary>
    internal override void Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, uint tag, ulong timestamp)
    {
        (uint Hash, byte Type) rss = _rss is null ? default : _rss.Compute(frame, in info);
        _counters.Add(_queues[rss.Hash & (uint)(_queues.Length - 1)].Deliver(frame, in info, rss, tag, timestamp, _offloadsTunnels));
    }
}
