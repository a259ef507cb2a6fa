using System.Runtime.InteropServices;

namespace Verbena.Emulator.Wires;

/// <summary>One port's end of a cable to another port of the process; without a <see cref="Peer"/> nothing is plugged in.</summary>
/// <remarks>
/// Each end owns a ring of bytes that the other end's thread fills and its own thread empties. A record is the length in
/// four bytes and the frame, at cache lines; length -1 says that the rest up to the ring's end is unused.
/// </remarks>
internal sealed class CableWire(Action unplug) : Wire
{
    private const int RingBytes = 2 << 20; // room for more than a batch of the longest frames
    private const int Alignment = 64;
    private const int MaxRecordBytes = FrameBatch.MaxFrameBytes + Alignment;

    private readonly byte[] _ring = GC.AllocateUninitializedArray<byte>(RingBytes, pinned: true);
    private CableWire? _peer;
    private volatile bool _showsLink = true;
    private long _written; // by the peer's thread
    private long _read;    // by ours

    /// <summary>The other end, set by the patch panel.</summary>
    internal CableWire? Peer
    {
        get => Volatile.Read(ref _peer);
        set => Volatile.Write(ref _peer, value);
    }

    public override bool HasCarrier => Peer is { _showsLink: true };

    public override int SendRoom => Peer is { } peer ? peer.FreeRecords() : FrameBatch.Capacity;

    public override void ShowLink(bool isUp) => _showsLink = isUp;

    public override void Receive(FrameBatch frames)
    {
        long written = Volatile.Read(ref _written);
        long read = _read;
        while (read != written && frames.HasRoom)
        {
            int at = (int)(read & (RingBytes - 1));
            int length = MemoryMarshal.Read<int>(_ring.AsSpan(at));
            if (length < 0)
            {
                read += RingBytes - at;
                continue;
            }

            frames.Add(_ring.AsSpan(at + sizeof(int), length));
            read += RecordBytes(length);
        }

        Volatile.Write(ref _read, read);
    }

    public override int Send(FrameBatch frames)
    {
        CableWire? peer = Peer;
        if (peer is null)
        {
            return 0;
        }

        int sent = 0;
        while (sent < frames.Count && peer.TryWrite(frames[sent]))
        {
            sent++;
        }

        return sent;
    }

    protected override void Dispose(bool disposing)
    {
        unplug();
        base.Dispose(disposing);
    }

    private static int RecordBytes(int length) => (sizeof(int) + length + Alignment - 1) & ~(Alignment - 1);

    /// <summary>Frames of any length that fit for certain, one of them lost to the ring's end.</summary>
    private int FreeRecords() => (int)((RingBytes - (_written - Volatile.Read(ref _read))) / MaxRecordBytes) - 1;

    private bool TryWrite(ReadOnlySpan<byte> frame)
    {
        long written = _written;
        int record = RecordBytes(frame.Length);
        int at = (int)(written & (RingBytes - 1));
        int skip = at + record > RingBytes ? RingBytes - at : 0;
        if (written + skip + record - Volatile.Read(ref _read) > RingBytes)
        {
            return false;
        }

        if (skip > 0)
        {
            MemoryMarshal.Write(_ring.AsSpan(at), -1);
            at = 0;
        }

        MemoryMarshal.Write(_ring.AsSpan(at), frame.Length);
        frame.CopyTo(_ring.AsSpan(at + sizeof(int)));
        Volatile.Write(ref _written, written + skip + record);
        return true;
    }
}
