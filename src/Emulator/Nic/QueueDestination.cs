using System.Runtime.Intrinsics;

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

    /// <summary>The bits of <see cref="FrameInfo.Headers"/> that the choice of a queue depends on; null: it depends on what is in a tunnel.</summary>
    internal Vector512<ulong>? HashedHeaders => _rss is null ? Vector512<ulong>.Zero : _rss.HashedHeaders;

    /// <summary>Chooses a queue for the frame. What can't be hashed goes to the table's first queue.</summary>
    internal ChosenQueue Choose(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag)
    {
        (uint hash, byte type) = _rss is null ? default : _rss.Compute(frame, in layout);
        return new ChosenQueue(_queues[hash & (uint)(_queues.Length - 1)], hash, type, tag, _offloadsTunnels);
    }

    internal override void Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag, ulong timestamp)
    {
        _counters.Add(Choose(frame, in layout, tag).Deliver(frame, in layout, timestamp));
    }
}
