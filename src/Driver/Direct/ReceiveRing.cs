using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>The WQEs of a receive queue and the buffers that they point to, numbered through: a power of two of places for each WQE.</summary>
/// <remarks>Length and key of a buffer never change, so that posting it is one store: its address.</remarks>
internal sealed unsafe class ReceiveRing : IDisposable
{
    private static readonly BufferIndex s_none = new(uint.MaxValue);

    private readonly byte* _wqes;
    private readonly int _headerBytes;
    private readonly int _strideShift;
    private readonly int _placesShift;
    private readonly uint _placesMask;
    private readonly BufferIndex* _buffers;
    private readonly BufferPool _pool;
    private readonly DoorbellRecord _producerIndex;

    /// <param name="memory">The work queue. It outlives this object's use.</param>
    /// <param name="buffersPerWqe">Data segments of each WQE.</param>
    /// <param name="headerBytes">What lies before them.</param>
    /// <param name="pool">Where the buffers come from.</param>
    /// <param name="localKey">The pool's memory region.</param>
    public ReceiveRing(in mlx5dv_rwq memory, int buffersPerWqe, int headerBytes, BufferPool pool, uint localKey)
    {
        _wqes = memory.buf;
        _headerBytes = headerBytes;
        _strideShift = int.Log2((int)memory.stride);
        BuffersPerWqe = (uint)buffersPerWqe;
        _placesShift = int.Log2((int)BitOperations.RoundUpToPowerOf2(BuffersPerWqe));
        Wqes = memory.wqe_cnt;
        _placesMask = (Wqes << _placesShift) - 1;
        _pool = pool;
        _producerIndex = new DoorbellRecord(memory.dbrec);
        nuint places = (nuint)Wqes << _placesShift;
        _buffers = (BufferIndex*)NativeMemory.AlignedAlloc(places * (nuint)sizeof(BufferIndex), 64);
        new Span<BufferIndex>(_buffers, (int)places).Fill(s_none);
        int segments = ((int)memory.stride - headerBytes) / sizeof(mlx5_wqe_data_seg);
        for (uint wqe = 0; wqe < Wqes; wqe++)
        {
            Preset(wqe, segments, localKey);
        }
    }

    public uint Wqes { get; }

    public uint BuffersPerWqe { get; }

    /// <summary>Full WQEs in a number of places, and the places left over.</summary>
    public (uint Wqes, uint Places) Split(uint places) => (places >> _placesShift, places & ((1u << _placesShift) - 1));

    /// <summary>Takes the buffer out of a place, which wants another then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BufferIndex Take(uint wqe, uint buffer)
    {
        ref BufferIndex place = ref _buffers[((wqe << _placesShift) + buffer) & _placesMask];
        BufferIndex taken = place;
        place = s_none;
        return taken;
    }

    /// <summary>Takes the buffers out of neighbouring places, which want others then.</summary>
    public void TakeRun(uint wqe, uint buffer, Span<BufferIndex> taken)
    {
        int start = (int)(((wqe << _placesShift) + buffer) & _placesMask);
        int straight = Math.Min(taken.Length, (int)_placesMask + 1 - start);
        TakeStraight(start, taken[..straight]);
        TakeStraight(0, taken[straight..]);
    }

    /// <summary>Puts new buffers into up to <paramref name="count"/> single-buffer WQEs from <paramref name="wqe"/> on. Returns into how many.</summary>
    public int FillRun(uint wqe, int count)
    {
        int start = (int)(wqe & _placesMask);
        var places = new Span<BufferIndex>(_buffers + start, Math.Min(count, (int)Wqes - start));
        int filled = _pool.TakeToReceive(places);
        mlx5_wqe_data_seg* segment = (mlx5_wqe_data_seg*)(_wqes + ((nuint)start << _strideShift));
        for (int i = 0; i < filled; i++)
        {
            segment[i].addr = (ulong)_pool.ReceiveAddress(_buffers[start + i]);
        }

        return filled;
    }

    /// <summary>Puts new buffers into the empty places of a WQE. False if the pool had too few; what it had is in place.</summary>
    public bool Fill(uint wqe)
    {
        var places = new Span<BufferIndex>(_buffers + ((wqe << _placesShift) & _placesMask), (int)BuffersPerWqe);
        if (MemoryMarshal.Cast<BufferIndex, uint>(places).ContainsAnyExcept(s_none.Value))
        {
            return FillGaps(wqe, places);
        }

        int filled = _pool.TakeToReceive(places); // all are empty, as short packets leave a striding WQE
        mlx5_wqe_data_seg* segments = Segments(wqe);
        for (int i = 0; i < filled; i++)
        {
            segments[i].addr = (ulong)_pool.ReceiveAddress(places[i]);
        }

        return filled == places.Length;
    }

    /// <summary>Lets the NIC have all WQEs before number <paramref name="end"/>, counted since the queue was last reset.</summary>
    public void Publish(uint end) => _producerIndex.Publish(end & 0xFFFF);

    /// <summary>Returns all buffers to the pool. The NIC must have no part of the queue any more.</summary>
    public void Dispose()
    {
        for (uint place = 0; place <= _placesMask; place++)
        {
            if (_buffers[place] != s_none)
            {
                _pool.Return(_buffers[place]);
            }
        }

        NativeMemory.AlignedFree(_buffers);
    }

    private void TakeStraight(int start, Span<BufferIndex> taken)
    {
        var places = new Span<BufferIndex>(_buffers + start, taken.Length);
        places.CopyTo(taken);
        places.Fill(s_none);
    }

    private bool FillGaps(uint wqe, Span<BufferIndex> places)
    {
        mlx5_wqe_data_seg* segments = Segments(wqe);
        for (int i = 0; i < places.Length; i++)
        {
            if (places[i] != s_none)
            {
                continue;
            }

            if (_pool.TakeToReceive(places.Slice(i, 1)) == 0)
            {
                return false;
            }

            segments[i].addr = (ulong)_pool.ReceiveAddress(places[i]);
        }

        return true;
    }

    private mlx5_wqe_data_seg* Segments(uint wqe) =>
        (mlx5_wqe_data_seg*)(_wqes + ((nuint)(wqe & (Wqes - 1)) << _strideShift) + _headerBytes);

    private void Preset(uint wqe, int segments, uint localKey)
    {
        if (_headerBytes > 0)
        {
            *(mlx5_wqe_srq_next_seg*)(_wqes + ((nuint)wqe << _strideShift)) = new mlx5_wqe_srq_next_seg { next_wqe_index = (ushort)(wqe + 1) };
        }

        for (int i = 0; i < segments; i++)
        {
            Segments(wqe)[i] = i < BuffersPerWqe
                ? new mlx5_wqe_data_seg { byte_count = BufferPool.DataBytes, lkey = localKey }
                : new mlx5_wqe_data_seg { lkey = Mlx5Wqe.MLX5_INVALID_LKEY };
        }
    }
}
