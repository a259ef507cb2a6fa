using System.Runtime.InteropServices;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>Completions of one pass, which go to the ring together.</summary>
/// <remarks>
/// The ring's lines are in the cache of the program's processor. Whatever a processor writes behind a line that it has to
/// fetch waits; written one after the other, they are fetched at the same time.
/// </remarks>
internal sealed unsafe class CompletionBatch
{
    private const int Capacity = FrameBatch.Capacity;
    private const int EntryBytes = 64;

    private readonly byte[] _memory = GC.AllocateArray<byte>((Capacity + 1) * EntryBytes, pinned: true);
    private readonly byte[] _last = new byte[Capacity];
    private readonly mlx5_cqe64* _entries;

    public CompletionBatch()
    {
        nint start = Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        _entries = (mlx5_cqe64*)((start + EntryBytes - 1) & -EntryBytes);
    }

    public int Count { get; private set; }

    public bool IsFull => Count == Capacity;

    /// <summary>Where the next completion is to be filled in, all but its last byte.</summary>
    public mlx5_cqe64* Next => _entries + Count;

    /// <summary>Takes what was filled in at <see cref="Next"/>.</summary>
    /// <param name="last">The upper bits of its last byte.</param>
    /// <param name="unready">A last byte that the program does not take for this completion's.</param>
    public void Add(byte last, byte unready)
    {
        Next->op_own = unready;
        _last[Count++] = last;
    }

    /// <summary>Writes all to the entries from <paramref name="first"/> on, the last one first: who polls finds all of them, or none.</summary>
    public void Write(in CompletionRing ring, uint first)
    {
        while (Count > 0)
        {
            Count--;
            uint index = first + (uint)Count;
            *ring[index] = *Next;
            ring.Publish(index, _last[Count]);
        }
    }
}
