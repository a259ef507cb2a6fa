namespace Verbena.Emulator.Wires;

/// <summary>One port's end of a cable to another port of the process; without a <see cref="Peer"/> nothing is plugged in.</summary>
/// <remarks>Each end owns a ring that the other end's thread fills and its own thread empties.</remarks>
internal sealed class CableWire : Wire
{
    private readonly Action _unplug;
    private readonly FramePipe _pipe = new(); // written by the peer's thread
    private CableWire? _peer;
    private volatile bool _showsLink = true;

    public CableWire(Action unplug) => _unplug = unplug;

    /// <summary>The other end, set by the patch panel.</summary>
    internal CableWire? Peer
    {
        get => Volatile.Read(ref _peer);
        set => Volatile.Write(ref _peer, value);
    }

    public override bool HasCarrier => Peer is { _showsLink: true };

    /// <summary>What the peer sends it sends in a pass of the same thread, after which this end gets its own.</summary>
    public override bool HasToLook => false;

    public override int SendRoom => Peer is { } peer ? peer._pipe.Writer.FreeRecords : FrameBatch.Capacity;

    public override void ShowLink(bool isUp) => _showsLink = isUp;

    public override void Receive(FrameBatch frames)
    {
        while (frames.HasRoom && _pipe.Reader.TryPeek(out FrameHeader header, out ReadOnlySpan<byte> frame))
        {
            frames.Add(frame);
            _pipe.Reader.Advance(header.Length);
        }

        _pipe.Reader.Release();
    }

    public override int Send(FrameBatch frames) => Peer?.Take(frames) ?? 0;

    protected override void Dispose(bool disposing)
    {
        _unplug();
        base.Dispose(disposing);
    }

    private int Take(FrameBatch frames)
    {
        int taken = 0;
        while (taken < frames.Count && _pipe.Writer.TryWrite(frames[taken], new FrameHeader { Length = frames[taken].Length }))
        {
            taken++;
        }

        _pipe.Writer.Publish();
        return taken;
    }
}
