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

    /// <summary>False if RSS looks at more than the outer headers.</summary>
    internal bool ChoosesByHeaders => _rss is null or { HashesHeaders: true };

    /// <summary>The bits of <see cref="FrameInfo.Headers"/> by which RSS chooses a queue.</summary>
    internal Vector512<ulong> HashedHeaders => _rss?.HashedHeaders ?? default;

    /// <summary>Chooses a queue for the frame. What can't be hashed goes to the table's first queue.</summary>
    internal ChosenQueue Choose(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag)
    {
        (uint hash, byte type) = _rss is null ? default : _rss.Compute(frame, in layout);
        return new ChosenQueue(_queues[hash & (uint)(_queues.Length - 1)], hash, type, tag, _offloadsTunnels);
    }

    internal override void Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag, ulong timestamp) =>
        Deliver(frame, in layout, Choose(frame, in layout, tag), timestamp);

    /// <summary>Puts the frame into the queue that was chosen for it.</summary>
    internal void Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, in ChosenQueue choice, ulong timestamp) =>
        _counters.Add(choice.Deliver(frame, in layout, timestamp));
}
