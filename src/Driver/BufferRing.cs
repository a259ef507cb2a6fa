using System.Diagnostics;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>The buffers that the NIC holds, in the order in which it gives them back.</summary>
/// <param name="size">How many it can hold, a power of two.</param>
internal struct BufferRing(int size)
{
    private readonly BufferIndex[] _buffers = new BufferIndex[size];
    private uint _oldest; // both run freely; the low bits index the ring
    private uint _next;

    /// <summary>Buffers ever put in, modulo 2^32.</summary>
    public readonly uint Next => _next;

    public readonly int Size => _buffers.Length;

    public readonly int Count => (int)(_next - _oldest);

    public readonly int Free => _buffers.Length - Count;

    /// <summary>The buffer that is <paramref name="position"/> behind the oldest.</summary>
    public readonly BufferIndex this[int position] => _buffers[(_oldest + (uint)position) & (uint)(_buffers.Length - 1)];

    /// <summary>Puts buffers in behind the others; there must be room.</summary>
    public void Add(ReadOnlySpan<BufferIndex> buffers)
    {
        Debug.Assert(buffers.Length <= Free, "the ring is as long as the NIC's queue");
        int start = (int)(_next & (uint)(_buffers.Length - 1));
        int straight = Math.Min(buffers.Length, _buffers.Length - start);
        buffers[..straight].CopyTo(_buffers.AsSpan(start));
        buffers[straight..].CopyTo(_buffers);
        _next += (uint)buffers.Length;
    }

    /// <summary>Takes the oldest buffer out; there must be one.</summary>
    public BufferIndex Take()
    {
        Debug.Assert(Count > 0, "the NIC gives back only what it has");
        return _buffers[_oldest++ & (uint)(_buffers.Length - 1)];
    }

    /// <summary>Takes the oldest <paramref name="count"/> buffers out and returns them to the pool.</summary>
    public void Return(int count, BufferPool pool)
    {
        Debug.Assert(count <= Count, "the NIC gives back only what it has");
        int start = (int)(_oldest & (uint)(_buffers.Length - 1));
        int straight = Math.Min(count, _buffers.Length - start);
        pool.Return(_buffers.AsSpan(start, straight));
        pool.Return(_buffers.AsSpan(0, count - straight));
        _oldest += (uint)count;
    }
}
