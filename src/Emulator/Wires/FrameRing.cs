using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Verbena.Emulator.Wires;

/// <summary>What a frame in a <see cref="FrameRing"/> carries along. What the fields mean is agreed by its two ends.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FrameHeader
{
    /// <summary>Length of the frame in bytes, without FCS; -1: the rest of the ring up to its end is unused.</summary>
    public int Length;

    public uint Owner;
    public uint Tag;
    public ulong Timestamp;
}

/// <summary>Where writer and reader of a ring are, in bytes since it was made; each line is written by one of them.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FrameRingIndices
{
    [FieldOffset(0)] public long Written;
    [FieldOffset(128)] public long Read; // two lines on: processors fetch lines in pairs
}

/// <summary>A ring of frames in memory that two threads, or two processes, share: one writes and the other reads.</summary>
/// <remarks>Records are a header and a frame in one piece, at cache lines. All indices start at zero.</remarks>
internal static unsafe class FrameRing
{
    /// <summary>Room for two batches of the longest frames.</summary>
    public const int Bytes = 2 << 20;

    private const int Alignment = 64;

    /// <summary>What the longest frame takes.</summary>
    public static readonly int MaxRecordBytes = RecordBytes(FrameBatch.MaxFrameBytes);

    /// <summary>What a frame takes.</summary>
    public static int RecordBytes(int lengthBytes) => (sizeof(FrameHeader) + lengthBytes + Alignment - 1) & ~(Alignment - 1);
}

/// <summary>The end of a ring that writes.</summary>
internal unsafe struct FrameRingWriter(FrameRingIndices* indices, byte* ring)
{
    private long _written;
    private long _read; // as last seen: the reader's line is fetched only when this does not do

    /// <summary>Bytes that can be written, some of which may be lost at the ring's end.</summary>
    public long FreeBytes
    {
        get
        {
            _read = Volatile.Read(ref indices->Read);
            return FrameRing.Bytes - (_written - _read);
        }
    }

    /// <summary>What the reader has read of the ring, in bytes since it was made.</summary>
    public readonly long Read => Volatile.Read(ref indices->Read);

    /// <summary>True if the reader has read all that was published.</summary>
    public readonly bool IsEmpty => Volatile.Read(ref indices->Read) == _written;

    /// <summary>Frames of any length that fit for certain, one of them lost to the ring's end.</summary>
    public int FreeRecords => (int)(FreeBytes / FrameRing.MaxRecordBytes) - 1;

    /// <summary>Where the next frame is to be written; there must be room for the longest one.</summary>
    public Span<byte> Reserve()
    {
        int at = At(FrameRing.MaxRecordBytes);
        return new Span<byte>(ring + at + sizeof(FrameHeader), FrameBatch.MaxFrameBytes);
    }

    /// <summary>Makes a record of the first bytes of what <see cref="Reserve"/> gave.</summary>
    public void Commit(in FrameHeader header)
    {
        *(FrameHeader*)(ring + (_written & (FrameRing.Bytes - 1))) = header;
        _written += FrameRing.RecordBytes(header.Length);
    }

    /// <summary>Appends a frame, if there is room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWrite(ReadOnlySpan<byte> frame, in FrameHeader header)
    {
        int record = FrameRing.RecordBytes(frame.Length);
        if (!HasRoom(record))
        {
            return false;
        }

        int at = At(record);
        *(FrameHeader*)(ring + at) = header;
        frame.CopyTo(new Span<byte>(ring + at + sizeof(FrameHeader), frame.Length));
        _written += record;
        return true;
    }

    /// <summary>Lets the reader see all that was written. True: there is something new.</summary>
    public readonly bool Publish()
    {
        if (indices->Written == _written)
        {
            return false;
        }

        Volatile.Write(ref indices->Written, _written);
        return true;
    }

    private bool HasRoom(int record)
    {
        int at = (int)(_written & (FrameRing.Bytes - 1));
        int needed = at + record > FrameRing.Bytes ? FrameRing.Bytes - at + record : record;
        return _written - _read + needed <= FrameRing.Bytes || FreeBytes >= needed;
    }

    /// <summary>Where a record of that size goes, if need be after what is left to the ring's end.</summary>
    private int At(int record)
    {
        int at = (int)(_written & (FrameRing.Bytes - 1));
        if (at + record <= FrameRing.Bytes)
        {
            return at;
        }

        ((FrameHeader*)(ring + at))->Length = -1;
        _written += FrameRing.Bytes - at;
        return 0;
    }
}

/// <summary>The end of a ring that reads.</summary>
internal unsafe struct FrameRingReader(FrameRingIndices* indices, byte* ring)
{
    private long _read;
    private long _written; // as last seen

    /// <summary>True once the ring held what no writer writes; nothing can be read from it any more.</summary>
    public bool IsCorrupt { get; private set; }

    /// <summary>Shows the next frame, if there is one. It stays where it is until <see cref="Release"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryPeek(out FrameHeader header, out ReadOnlySpan<byte> frame)
    {
        while (_read != _written || HasMore())
        {
            int at = (int)(_read & (FrameRing.Bytes - 1));
            header = *(FrameHeader*)(ring + at);
            int record = header.Length == -1 ? FrameRing.Bytes - at : FrameRing.RecordBytes(header.Length);
            bool isSound = header.Length is -1 or (>= Packets.EthernetHeader.Size and <= FrameBatch.MaxFrameBytes);
            if (!isSound || record > Math.Min(_written - _read, FrameRing.Bytes - at))
            {
                IsCorrupt = true;
                _written = _read;
            }
            else if (header.Length >= 0)
            {
                frame = new ReadOnlySpan<byte>(ring + at + sizeof(FrameHeader), header.Length);
                return true;
            }
            else
            {
                _read += record;
            }
        }

        header = default;
        frame = default;
        return false;
    }

    /// <summary>Goes on to the frame after the one that <see cref="TryPeek"/> showed.</summary>
    public void Advance(int lengthBytes) => _read += FrameRing.RecordBytes(lengthBytes);

    /// <summary>Gives the writer back what has been read. True: it is more than before.</summary>
    public readonly bool Release()
    {
        if (indices->Read == _read)
        {
            return false;
        }

        Volatile.Write(ref indices->Read, _read);
        return true;
    }

    private bool HasMore()
    {
        long written = Volatile.Read(ref indices->Written);
        IsCorrupt |= written < _read || written - _read > FrameRing.Bytes;
        _written = IsCorrupt ? _read : written;
        return _read != _written;
    }
}
