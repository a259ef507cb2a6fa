using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>Up to <see cref="Capacity"/> frames side by side in memory of its own: what wires and the NIC pass to each other.</summary>
/// <remarks>Frames are packed at cache lines, so that a batch of small ones stays in the first-level cache.</remarks>
public sealed unsafe class FrameBatch : IDisposable
{
    public const int Capacity = 64;

    /// <summary>The longest frame, without FCS: more than any jumbo frame with its tags.</summary>
    public const int MaxFrameBytes = 16 * 1024;

    private const int ArenaBytes = Capacity * MaxFrameBytes;
    private const int Alignment = 64;

    private readonly byte* _arena = (byte*)NativeMemory.AlignedAlloc(ArenaBytes, Alignment);
    private readonly int[] _offsets = new int[Capacity];
    private readonly int[] _lengths = new int[Capacity];
    private int _used;

    /// <summary>Number of frames in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Sum of the frames' lengths.</summary>
    public int Bytes { get; private set; }

    public bool HasRoom => Count < Capacity;

    /// <summary>The bytes of a frame, from its destination address on, without FCS.</summary>
    public Span<byte> this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            Debug.Assert((uint)index < (uint)Count, "the frame is in the batch");
            return new Span<byte>(_arena + _offsets[index], _lengths[index]);
        }
    }

    public void Clear() => (Count, Bytes, _used) = (0, 0, 0);

    /// <summary>Where the next frame is to be written: <see cref="MaxFrameBytes"/>, valid while <see cref="HasRoom"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Reserve()
    {
        Debug.Assert(HasRoom, "the caller asks HasRoom first");
        return new Span<byte>(_arena + _used, MaxFrameBytes);
    }

    /// <summary>Makes the first <paramref name="lengthBytes"/> of what <see cref="Reserve"/> gave the batch's last frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit(int lengthBytes)
    {
        _offsets[Count] = _used;
        _lengths[Count] = lengthBytes;
        Count++;
        Bytes += lengthBytes;
        _used += (lengthBytes + Alignment - 1) & ~(Alignment - 1);
    }

    /// <summary>As <see cref="Commit"/>, for a frame that may be too short for Ethernet: Linux leaves it to hardware to pad them.</summary>
    public void CommitPadded(int lengthBytes) => Commit(Pad(Reserve(), lengthBytes));

    /// <summary>Fills up with zeros to the shortest length that Ethernet has, and returns the frame's length.</summary>
    public static int Pad(Span<byte> room, int lengthBytes)
    {
        if (lengthBytes < EthernetHeader.MinFrameBytes)
        {
            room[lengthBytes..EthernetHeader.MinFrameBytes].Clear();
        }

        return Math.Max(lengthBytes, EthernetHeader.MinFrameBytes);
    }

    public void Add(ReadOnlySpan<byte> frame)
    {
        frame.CopyTo(Reserve());
        Commit(frame.Length);
    }

    /// <summary>Puts a frame behind all others, which stay in order.</summary>
    internal void PutLast(int index)
    {
        (int offset, int length) = (_offsets[index], _lengths[index]);
        _offsets.AsSpan((index + 1)..Count).CopyTo(_offsets.AsSpan(index));
        _lengths.AsSpan((index + 1)..Count).CopyTo(_lengths.AsSpan(index));
        (_offsets[Count - 1], _lengths[Count - 1]) = (offset, length);
    }

    public void Dispose() => NativeMemory.AlignedFree(_arena);
}
