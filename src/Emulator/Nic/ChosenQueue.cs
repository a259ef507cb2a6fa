namespace Verbena.Emulator.Nic;

/// <summary>The queue that frames go to, and what their completions say of how it was chosen.</summary>
/// <param name="queue">One of the destination's.</param>
/// <param name="hash">RSS's.</param>
/// <param name="hashType">rx_hash_type of the completion.</param>
/// <param name="tag">The flow's.</param>
/// <param name="offloadsTunnels">Whether the completion tells of the headers inside a tunnel.</param>
internal readonly struct ChosenQueue(ReceiveQueue queue, uint hash, byte hashType, uint tag, bool offloadsTunnels)
{
    public readonly uint Hash = hash;
    public readonly uint Tag = tag;
    public readonly byte HashType = hashType;
    public readonly bool OffloadsTunnels = offloadsTunnels;
    private readonly ReceiveQueue? _queue = queue;

    /// <summary>True for the default: there is no queue.</summary>
    public bool IsEmpty => _queue is null;

    /// <summary>Gives a frame to the queue, and returns what became of it.</summary>
    public PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, ulong timestamp) =>
        _queue!.Deliver(frame, in layout, in this, timestamp);
}
