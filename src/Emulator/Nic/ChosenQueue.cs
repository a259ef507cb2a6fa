namespace Verbena.Emulator.Nic;

/// <summary>The queue that a frame goes to, and what its completion says of how it was chosen.</summary>
/// <param name="queue">One of the destination's.</param>
/// <param name="hash">RSS's.</param>
/// <param name="hashType">rx_hash_type of the completion.</param>
/// <param name="offloadsTunnels">Whether the completion tells of the headers inside a tunnel.</param>
internal readonly struct ChosenQueue(ReceiveQueue queue, uint hash, byte hashType, bool offloadsTunnels)
{
    private readonly ReceiveQueue? _queue = queue;
    private readonly uint _hash = hash;
    private readonly byte _hashType = hashType;
    private readonly bool _offloadsTunnels = offloadsTunnels;

    public bool IsEmpty => _queue is null;

    public PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag, ulong timestamp) =>
        _queue!.Deliver(frame, in layout, (_hash, _hashType), tag, timestamp, _offloadsTunnels);
}
