using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>A receive queue in dv mode: it reads the NIC's completions and writes its WQEs itself.</summary>
/// <remarks>It takes its first buffers when it is first polled: from the pool, only the polling worker may take.</remarks>
internal sealed unsafe class DirectRxQueue<TLayout> : RdmaRxQueue
    where TLayout : struct, IReceiveLayout
{
    private const int PrefetchDistance = 8; // headers; without it the store of each waits for the one before
    private const int RefillBuffers = 64; // one write of the doorbell record for so many; a quarter of the shortest queue

    private readonly WorkQueue _queue;
    private readonly ReceiveCompletions _completions;
    private readonly ReceiveRing _ring;
    private readonly BufferPool _pool;
    private readonly RxMetadata _metadata;
    private readonly uint _refillWqes;
    private uint _next;     // the WQE that the next packet is in; all three run freely, and start anew when the queue is reset
    private uint _offset;   // buffers of it that are used up
    private uint _posted;   // WQEs that the NIC has been given

    public DirectRxQueue(WorkQueue queue, ReceiveCompletions completions, ReceiveRing ring, BufferPool pool, RxMetadata metadata, CompletionChannel channel)
        : base(channel)
    {
        (_queue, _completions, _ring, _pool, _metadata) = (queue, completions, ring, pool, metadata);
        _refillWqes = Math.Max(RefillBuffers / ring.BuffersPerWqe, 1);
    }

    public override bool WantsBuffers => Missing >= _refillWqes && Errors.RestartErrno == 0;

    /// <summary>WQEs without buffers.</summary>
    private uint Missing => _ring.Wqes - (_posted - _next);

    public override int Receive(Span<BufferIndex> packets)
    {
        bool hadEnough = Refill(_refillWqes); // the packets that were received before did not wait for it
        int received = 0;
        int polled;
        while ((polled = _completions.Poll(packets.Length)) == 0 && _completions.Error.Status != ibv_wc_status.IBV_WC_SUCCESS)
        {
            Fail(_completions.Error);
        }

        if (polled > 0)
        {
            received = TakePackets(packets, polled);
            if (_metadata != RxMetadata.None)
            {
                WriteMetadata(packets, polled);
            }
        }

        if (hadEnough)
        {
            _ = Refill(_ring.Wqes / UrgentPart);
        }

        return received;
    }

    public override void Arm() => _completions.Arm(TakeEvents());

    public override void Dispose()
    {
        _completions.Dispose();
        _ring.Dispose();
    }

    private int TakePackets(Span<BufferIndex> packets, int count)
    {
        var byteCounts = new ReadOnlySpan<uint>(_completions.ByteCounts, count);
        int received = 0;
        ulong bytes = 0;
        for (int i = 0; i < count;)
        {
            int singles = TLayout.SinglesFrom(byteCounts[i..]);
            if (singles > 0)
            {
                bytes += TakeSingles(packets.Slice(received, singles), i);
                (received, i) = (received + singles, i + singles);
                continue;
            }

            if (!TLayout.IsFiller(byteCounts[i]))
            {
                uint length = TLayout.LengthBytes(byteCounts[i]);
                BufferFlags flags = _completions.Flags[i];
                packets[received++] = length <= BufferPool.DataBytes ? TakeSingle(length, flags) : TakeChain(length, flags);
                bytes += length;
            }

            Advance(byteCounts[i++]);
        }

        CountReceived(received, bytes);
        return received;
    }

    /// <summary>Takes packets of one buffer each, whose completions begin at <paramref name="first"/>. Returns their bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong TakeSingles(Span<BufferIndex> packets, int first)
    {
        uint* byteCounts = _completions.ByteCounts + first;
        BufferFlags* flags = _completions.Flags + first;
        BufferPool pool = _pool;
        _ring.TakeRun(_next, _offset, packets);
        ulong bytes = 0;
        for (int i = 0; i < packets.Length; i++)
        {
            uint length = TLayout.LengthBytes(byteCounts[i]);
            if (Sse.IsSupported && i + PrefetchDistance < packets.Length)
            {
                Sse.Prefetch0(Unsafe.AsPointer(ref pool.Header(packets[i + PrefetchDistance])));
            }

            pool.SetReceived(packets[i], length, flags[i]);
            bytes += length;
        }

        (uint wqes, _offset) = _ring.Split(_offset + (uint)packets.Length);
        _next += wqes;
        return bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private BufferIndex TakeSingle(uint length, BufferFlags flags)
    {
        BufferIndex buffer = _ring.Take(_next, _offset);
        _pool.SetReceived(buffer, length, flags);
        return buffer;
    }

    private BufferIndex TakeChain(uint length, BufferFlags flags)
    {
        BufferIndex first = TakeSingle(BufferPool.DataBytes, flags | BufferFlags.HasNext);
        _pool.Header(first).ChainedBytes = length - BufferPool.DataBytes;
        BufferIndex last = first;
        uint left = length - BufferPool.DataBytes;
        for (uint i = 1; left > 0; i++)
        {
            uint here = Math.Min(left, BufferPool.DataBytes);
            left -= here;
            BufferIndex next = _ring.Take(_next, _offset + i);
            _pool.SetReceived(next, here, left > 0 ? BufferFlags.HasNext : BufferFlags.None);
            _pool.Header(last).NextBuffer = next.Value;
            last = next;
        }

        return first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Advance(uint byteCount)
    {
        _offset += TLayout.Advance(byteCount, _ring.BuffersPerWqe);
        if (_offset >= _ring.BuffersPerWqe)
        {
            _offset = 0; // a packet never goes on in the next WQE
            _next++;
        }
    }

    private void WriteMetadata(ReadOnlySpan<BufferIndex> packets, int polled)
    {
        uint* byteCounts = _completions.ByteCounts;
        PacketMetadata* metadata = _completions.Metadata;
        int packet = 0;
        for (int i = 0; i < polled; i++)
        {
            if (!TLayout.IsFiller(byteCounts[i]))
            {
                metadata[i].WriteTo(ref _pool.Header(packets[packet++]), _metadata);
            }
        }
    }

    private void Fail(CompletionError error)
    {
        Errors.Count(error);
        if (error.StopsReceiving)
        {
            Restart();
            return;
        }

        if (!TLayout.Chains)
        {
            _pool.Return(_ring.Take(_next, 0)); // posting of single buffers replaces all of them
        }

        Advance(_completions.ErrorByteCount);
    }

    // At once, instead of waiting for the NIC to hand back all that was posted: a reset queue holds nothing any more.
    private void Restart()
    {
        Errors.RestartErrno = Errors.RestartErrno != 0 ? Errors.RestartErrno : _queue.Reset();
        if (Errors.RestartErrno == 0)
        {
            if (!TLayout.Chains)
            {
                ReturnPosted();
            }

            _completions.Drain();
            _ring.Publish(0);
            (_next, _offset, _posted) = (0, 0, 0);
            Errors.RestartErrno = _queue.MakeReady();
        }
    }

    private void ReturnPosted()
    {
        for (; _next != _posted; _next++)
        {
            _pool.Return(_ring.Take(_next, 0));
        }
    }

    /// <summary>Gives the NIC buffers if it lacks so many. Returns false if the pool had too few: no use to try again in this poll.</summary>
    private bool Refill(uint least)
    {
        if (Missing < least || Errors.RestartErrno != 0)
        {
            return true;
        }

        uint end = _next + _ring.Wqes;
        uint start = _posted;
        bool enough = TLayout.Chains ? FillChains(end) : FillSingles(end);
        if (!enough)
        {
            CountNoBuffer();
        }

        if (_posted != start)
        {
            _ring.Publish(_posted);
        }

        return enough;
    }

    private bool FillSingles(uint end)
    {
        while (end - _posted >= RefillBuffers)
        {
            int wanted = (int)Math.Min(RefillBuffers, _ring.Wqes - (_posted & (_ring.Wqes - 1)));
            int filled = _ring.FillRun(_posted, wanted);
            _posted += (uint)filled;
            if (filled < wanted)
            {
                return false;
            }
        }

        return true;
    }

    private bool FillChains(uint end)
    {
        while (_posted != end)
        {
            if (!_ring.Fill(_posted))
            {
                return false;
            }

            _posted++;
        }

        return true;
    }
}
