using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Verbena.Packets;

/// <summary>Packet buffers of one size in one memory area, which a NIC registers whole as one memory region.</summary>
/// <remarks>
/// Layout of a buffer: a <see cref="BufferHeader"/>, <see cref="HeadroomBytes"/> for headers to be put in front,
/// <see cref="DataBytes"/> for what a NIC receives. The stride is an odd number of cache lines, 37, so that the headers of
/// neighbours fall into different cache sets, and all of them into every set. Any thread may take and return buffers. A
/// worker's has a cache of them (<see cref="UseCache"/>) and goes to the shared stack, which is locked, for a batch at a
/// time: a worker that sends what it receives hardly ever does. The memory lives until <see cref="Dispose"/>; no queue may
/// use it then.
/// </remarks>
public sealed unsafe class BufferPool : IDisposable
{
    public const int HeadroomBytes = 256;
    public const int DataBytes = 2048;

    /// <summary>Threads that can have a cache.</summary>
    public const int MaxCaches = 64;

    /// <summary>What a buffer takes with its header and head room.</summary>
    public const int StrideBytes = BufferHeader.SizeBytes + HeadroomBytes + DataBytes;

    private const int SharedPart = 8; // one buffer in so many can't be reserved
    private const int MaxBatch = 256; // a frame of the graph

    [ThreadStatic]
    private static int s_threadCache; // 0: the thread has none

    private readonly PacketMemory _memory;
    private readonly byte* _base;
    private readonly FreeBuffers _shared;
    private readonly FreeBuffers?[] _caches = new FreeBuffers?[MaxCaches + 1];
    private readonly int _batch;
    private readonly Lock _lock = new(); // of _shared

    /// <summary>Allocates <paramref name="count"/> buffers, from huge pages where the host has them.</summary>
    /// <exception cref="InvalidOperationException">The host has no memory for them.</exception>
    public BufferPool(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        _memory = new PacketMemory((nuint)count * StrideBytes);
        _base = _memory.Address;
        _batch = Math.Min(MaxBatch, count / 16); // of a small pool, caches must not hide too many from the other threads
        _shared = new FreeBuffers(count);
        for (int i = count - 1; i >= 0; i--)
        {
            _shared.Return([new BufferIndex((uint)i)]);
        }
    }

    /// <summary>Number of buffers in the pool, taken ones included.</summary>
    public int Count { get; }

    /// <summary>Number of buffers that nobody has taken; those in another thread's cache among them.</summary>
    public int FreeCount => _shared.Count + CachedCount;

    /// <summary>Those of them that lie in threads' caches.</summary>
    public int CachedCount
    {
        get
        {
            int count = 0;
            foreach (FreeBuffers? cache in _caches)
            {
                count += cache?.Count ?? 0;
            }

            return count;
        }
    }

    /// <summary>Buffers that receive queues hold when they are full. It limits nobody who takes some.</summary>
    public int ReservedCount { get; private set; }

    /// <summary>The most that can be reserved: the others are for packets that are being forwarded or sent, and for the router's own.</summary>
    public int MaxReserved => Count - (Count / SharedPart);

    /// <summary>How many buffers a pool must have so that so many can be reserved.</summary>
    public static long CountToReserve(int reserved) => reserved + ((reserved - 1L) / (SharedPart - 1));

    /// <summary>The area that a NIC registers: all buffers with their headers.</summary>
    public PacketMemory Memory => _memory;

    /// <summary>Gives the calling thread a cache of buffers from now on.</summary>
    /// <param name="number">From 0 to <see cref="MaxCaches"/> - 1; no other thread that runs may have the same.</param>
    public void UseCache(int number)
    {
        _caches[number + 1] ??= new FreeBuffers(2 * _batch);
        s_threadCache = number + 1;
    }

    /// <summary>Reserves so many more, if that leaves enough for others. Called by the control thread.</summary>
    public bool TryReserve(int count)
    {
        bool fits = count <= MaxReserved - ReservedCount;
        ReservedCount += fits ? count : 0;
        return fits;
    }

    /// <summary>Takes a reservation back.</summary>
    public void EndReservation(int count) => ReservedCount -= count;

    /// <summary>Takes up to <paramref name="buffers"/>.Length buffers, their headers reset. Returns how many there were.</summary>
    public int Take(Span<BufferIndex> buffers)
    {
        int count = TakeToReceive(buffers);
        foreach (BufferIndex buffer in buffers[..count])
        {
            SetReceived(buffer, 0);
        }

        return count;
    }

    /// <summary>Takes buffers for a NIC to fill. Their headers are stale until <see cref="SetReceived"/>.</summary>
    /// <remarks>By the time a packet is in it, the line of a header written now would have left the cache again.</remarks>
    public int TakeToReceive(Span<BufferIndex> buffers)
    {
        FreeBuffers? cache = _caches[s_threadCache];
        int count = cache is null ? 0 : cache.Take(buffers);
        if (count < buffers.Length)
        {
            count += TakeShared(buffers[count..], cache);
        }

        MarkTaken(buffers[..count]);
        return count;
    }

    /// <summary>Resets the header of a buffer into which a NIC has written a packet of <paramref name="lengthBytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SetReceived(BufferIndex buffer, uint lengthBytes, BufferFlags flags = BufferFlags.None)
    {
        // One store of the whole line: its parts, stored one by one, could not be forwarded to whoever reads it next as a whole.
        ref BufferHeader header = ref Header(buffer);
        ulong first = HeadroomBytes | ((ulong)(ushort)lengthBytes << 16) | ((ulong)flags << 32);
        Unsafe.As<BufferHeader, Vector512<ulong>>(ref header) = Vector512.CreateScalar(first);
        SetTaken(ref header);
    }

    /// <summary>Takes one buffer, if there is one left.</summary>
    public bool TryTake(out BufferIndex buffer)
    {
        buffer = default;
        return Take(new Span<BufferIndex>(ref buffer)) == 1;
    }

    /// <summary>Gives buffers back. The caller must hold them and must not use them any more.</summary>
    public void Return(ReadOnlySpan<BufferIndex> buffers)
    {
        MarkReturned(buffers);
        if (_caches[s_threadCache] is { } cache && buffers.Length <= cache.Room)
        {
            cache.Return(buffers);
        }
        else
        {
            ReturnShared(buffers, _caches[s_threadCache]);
        }
    }

    public void Return(BufferIndex buffer) => Return(new ReadOnlySpan<BufferIndex>(in buffer));

    /// <summary>The metadata line of a buffer that the caller holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref BufferHeader Header(BufferIndex buffer)
    {
        Debug.Assert(buffer.Value < (uint)Count, "the index is one of this pool's");
        return ref *(BufferHeader*)(_base + ((nuint)buffer.Value * StrideBytes));
    }

    /// <summary>Address of the first byte that a NIC may fill: <see cref="DataBytes"/> follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* ReceiveAddress(BufferIndex buffer) => DataArea(buffer) + HeadroomBytes;

    /// <summary>Address of the packet's first byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* PacketAddress(BufferIndex buffer) => DataArea(buffer) + Header(buffer).DataOffset;

    /// <summary>The packet's bytes, valid as long as the caller holds the buffer and leaves its length alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Packet(BufferIndex buffer) => new(PacketAddress(buffer), Header(buffer).Length);

    /// <summary>A header inside the packet. The caller has checked that the packet is that long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T PacketHeader<T>(BufferIndex buffer, int offsetBytes = 0)
        where T : unmanaged
    {
        Debug.Assert(offsetBytes + sizeof(T) <= Header(buffer).Length, "the header lies inside the packet");
        return ref Unsafe.AsRef<T>(PacketAddress(buffer) + offsetBytes);
    }

    /// <summary>Moves the packet's begin by <paramref name="bytes"/>: forward drops a header, backward makes room for one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(BufferIndex buffer, int bytes)
    {
        ref BufferHeader header = ref Header(buffer);
        Debug.Assert(header.DataOffset + bytes >= 0 && header.Length - bytes >= 0, "the packet stays inside its buffer");
        header.DataOffset = (ushort)(header.DataOffset + bytes);
        header.Length = (ushort)(header.Length - bytes);
    }

    /// <summary>Makes the buffer hold a copy of <paramref name="packet"/>.</summary>
    /// <exception cref="ArgumentException">The packet is longer than <see cref="DataBytes"/>.</exception>
    public void SetPacket(BufferIndex buffer, ReadOnlySpan<byte> packet)
    {
        if (packet.Length > DataBytes)
        {
            throw new ArgumentException($"a buffer holds {DataBytes} bytes", nameof(packet));
        }

        Header(buffer).DataOffset = HeadroomBytes;
        Header(buffer).Length = (ushort)packet.Length;
        packet.CopyTo(Packet(buffer));
    }

    public void Dispose() => _memory.Dispose();

    private int TakeShared(Span<BufferIndex> buffers, FreeBuffers? cache)
    {
        lock (_lock)
        {
            int count = _shared.Take(buffers);
            if (cache is not null)
            {
                _shared.MoveTo(cache, _batch);
            }

            return count;
        }
    }

    private void ReturnShared(ReadOnlySpan<BufferIndex> buffers, FreeBuffers? cache)
    {
        lock (_lock)
        {
            _shared.Return(buffers);
            cache?.MoveTo(_shared, _batch);
        }
    }

    private byte* DataArea(BufferIndex buffer) => _base + ((nuint)buffer.Value * StrideBytes) + BufferHeader.SizeBytes;

    [Conditional("DEBUG")]
    private static void SetTaken(ref BufferHeader header) => header.Taken = 1;

    [Conditional("DEBUG")]
    private void MarkTaken(ReadOnlySpan<BufferIndex> buffers)
    {
        foreach (BufferIndex buffer in buffers)
        {
            Header(buffer).Taken = 1;
        }
    }

    [Conditional("DEBUG")]
    private void MarkReturned(ReadOnlySpan<BufferIndex> buffers)
    {
        foreach (BufferIndex buffer in buffers)
        {
            Debug.Assert(Header(buffer).Taken == 1, "a buffer is returned once for each time it was taken");
            Header(buffer).Taken = 0;
        }
    }
}
