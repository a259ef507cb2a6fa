namespace Verbena.Packets;

/// <summary>A stack of free buffers: the one returned last is taken first, while it is in the cache.</summary>
/// <param name="capacity">The most that it can hold.</param>
internal sealed class FreeBuffers(int capacity)
{
    private readonly BufferIndex[] _buffers = GC.AllocateUninitializedArray<BufferIndex>(capacity);
    private int _count;

    /// <summary>Buffers in it. May be read from any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    public int Room => _buffers.Length - _count;

    /// <summary>Takes up to <paramref name="buffers"/>.Length buffers, and returns how many there were.</summary>
    public int Take(Span<BufferIndex> buffers)
    {
        int count = Math.Min(buffers.Length, _count);
        int top = _count - count;
        _buffers.AsSpan(top, count).CopyTo(buffers);
        Volatile.Write(ref _count, top);
        return count;
    }

    /// <summary>Puts buffers in; there must be room.</summary>
    public void Return(ReadOnlySpan<BufferIndex> buffers)
    {
        buffers.CopyTo(_buffers.AsSpan(_count));
        Volatile.Write(ref _count, _count + buffers.Length);
    }

    /// <summary>Moves up to <paramref name="count"/> buffers to another stack, which has room for them.</summary>
    public void MoveTo(FreeBuffers other, int count)
    {
        int moved = Math.Min(count, _count);
        other.Return(_buffers.AsSpan(_count - moved, moved));
        Volatile.Write(ref _count, _count - moved);
    }
}
