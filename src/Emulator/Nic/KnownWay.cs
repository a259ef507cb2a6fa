using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>Where a frame went that one destination alone got, for those that follow it and differ in nothing that was looked at.</summary>
/// <remarks>
/// What flows do not tell apart has the same destination. If RSS does not tell it apart either, by the outer headers, it has the
/// same queue. The default knows nothing.
/// </remarks>
internal struct KnownWay
{
    private Vector512<ulong> _headers;  // of the frame
    private Vector512<ulong> _byFlows;  // the bits that flows compare
    private Vector512<ulong> _lookedAt; // and those that RSS hashes
    private FlowDestination? _destination;
    private uint _tag;
    private byte _transport;            // without it, ports that are 0 look like those that are not there
    private ChosenQueue _queue;         // none: RSS has to choose

    /// <summary>True if a frame goes to the known queue.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool HasQueueFor(in FrameInfo info) =>
        ((info.Headers ^ _headers) & _lookedAt) == default && info.Layout.Transport == _transport && !_queue.IsEmpty;

    /// <summary>True if a frame goes to the known destination.</summary>
    public readonly bool HasDestinationFor(in FrameInfo info) => ((info.Headers ^ _headers) & _byFlows) == default && _destination is not null;

    /// <summary>Takes note of the way of a frame.</summary>
    /// <param name="entry">The flows that took it, and sent it to one destination only.</param>
    /// <param name="byFlows">The bits of headers that decided so.</param>
    /// <param name="info">What the frame is.</param>
    public void Learn(FlowEntry entry, in Vector512<ulong> byFlows, in FrameInfo info)
    {
        (_destination, _tag, _headers, _byFlows) = (entry.Destinations[0], entry.Tag, info.Headers, byFlows);
        _lookedAt = _destination is QueueDestination queues ? byFlows | queues.HashedHeaders : byFlows;
        _queue = default;
    }

    /// <summary>Gives a frame to the known queue, and returns what became of it.</summary>
    public readonly PortCounter DeliverToQueue(ReadOnlySpan<byte> frame, in FrameLayout layout, ulong timestamp) =>
        _queue.Deliver(frame, in layout, timestamp);

    /// <summary>Gives a frame to the known destination, and takes note of the queue that it chooses.</summary>
    public void Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, ulong timestamp)
    {
        if (_destination is QueueDestination { ChoosesByHeaders: true } queues)
        {
            (_headers, _transport) = (info.Headers, info.Layout.Transport);
            _queue = queues.Choose(frame, in info.Layout, _tag);
            queues.Deliver(frame, in info.Layout, in _queue, timestamp);
        }
        else
        {
            _destination!.Deliver(frame, in info.Layout, _tag, timestamp);
        }
    }
}
