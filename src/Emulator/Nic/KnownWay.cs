using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>The queue that a frame went to, for those that follow it and differ in nothing that flows and RSS look at.</summary>
internal struct KnownWay
{
    private Vector512<ulong> _lookedAt;
    private Vector512<ulong> _value; // of the frame, where it is looked at
    private byte _transport;         // without it, ports that are 0 look like those that are not there
    private ChosenQueue _queue;      // empty: nothing is known

    /// <summary>True if a frame goes to the known queue.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsFor(in FrameInfo info) =>
        (info.Headers & _lookedAt) == _value && info.Layout.Transport == _transport && !_queue.IsEmpty;

    /// <summary>Takes note of a frame's way.</summary>
    /// <param name="info">What the frame is.</param>
    /// <param name="lookedAt">The bits of headers that decided.</param>
    /// <param name="queue">Where it goes.</param>
    public void Learn(in FrameInfo info, in Vector512<ulong> lookedAt, in ChosenQueue queue)
    {
        (_lookedAt, _value, _transport) = (lookedAt, info.Headers & lookedAt, info.Layout.Transport);
        _queue = queue;
    }

    /// <summary>Gives a frame to the known queue, and returns what became of it.</summary>
    public readonly PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, ulong timestamp) =>
        _queue.Deliver(frame, in layout, timestamp);
}
