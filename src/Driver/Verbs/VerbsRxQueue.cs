using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Verbs;

/// <summary>A receive queue in ibv mode: completions by ibv_poll_cq, buffers by ibv_post_wq_recv.</summary>
/// <remarks>It takes its first buffers when it is first polled: from the pool, only the polling worker may take.</remarks>
internal sealed unsafe class VerbsRxQueue : RdmaRxQueue
{
    private const int MaxCompletions = 256; // a frame of the graph
    private const int RefillBatch = 64;     // one write of the doorbell record for so many; a quarter of the shortest queue

    private readonly WorkQueue _queue;
    private readonly BufferPool _pool;
    private readonly ibv_cq* _completionQueue;
    private readonly ibv_wc* _completions;
    private readonly ibv_recv_wr* _requests;
    private readonly ibv_sge* _pieces;
    private readonly BufferIndex[] _fresh = new BufferIndex[RefillBatch];
    private BufferRing _posted;
    private bool _broken; // the NIC stopped at an error, and is handing back what was posted

    public VerbsRxQueue(WorkQueue queue, CompletionQueue completions, MemoryRegion region, BufferPool pool, int size, CompletionChannel channel)
        : base(channel)
    {
        _queue = queue;
        _pool = pool;
        _completionQueue = completions.Handle;
        _posted = new BufferRing(size);
        _completions = (ibv_wc*)NativeMemory.AllocZeroed(MaxCompletions, (nuint)sizeof(ibv_wc));
        _requests = (ibv_recv_wr*)NativeMemory.AllocZeroed(RefillBatch, (nuint)sizeof(ibv_recv_wr));
        _pieces = (ibv_sge*)NativeMemory.AllocZeroed(RefillBatch, (nuint)sizeof(ibv_sge));
        for (int i = 0; i < RefillBatch; i++)
        {
            _pieces[i] = new ibv_sge { length = BufferPool.DataBytes, lkey = region.LocalKey };
            _requests[i] = new ibv_recv_wr { next = &_requests[i + 1], sg_list = &_pieces[i], num_sge = 1 };
        }
    }

    public override bool WantsBuffers => _posted.Free >= RefillBatch && !_broken;

    public override int Receive(Span<BufferIndex> packets)
    {
        bool hadEnough = Refill(); // the packets that were received before did not wait for it
        int completions = ibv_poll_cq(_completionQueue, Math.Min(packets.Length, MaxCompletions), _completions);
        int received = 0;
        ulong bytes = 0;
        for (int i = 0; i < completions; i++)
        {
            ibv_wc* completion = &_completions[i];
            BufferIndex buffer = _posted.Take();
            Debug.Assert(buffer.Value == completion->wr_id, "a work queue completes in the order of posting");
            if (completion->status != ibv_wc_status.IBV_WC_SUCCESS)
            {
                Fail(buffer, CompletionError.Of(in *completion));
                continue;
            }

            // No flag for a good checksum: libmlx5 reports IBV_WC_IP_CSUM_OK for queue pairs, but not for work queues.
            _pool.SetReceived(buffer, completion->byte_len);
            bytes += completion->byte_len;
            packets[received++] = buffer;
        }

        CountReceived(received, bytes);
        if (hadEnough && _posted.Free >= _posted.Size / UrgentPart)
        {
            _ = Refill();
        }

        return received;
    }

    public override void Arm()
    {
        _ = TakeEvents();
        _ = ibv_req_notify_cq(_completionQueue, 0);
    }

    public override void Dispose()
    {
        _posted.Return(_posted.Count, _pool);
        NativeMemory.Free(_completions);
        NativeMemory.Free(_requests);
        NativeMemory.Free(_pieces);
    }

    private void Fail(BufferIndex buffer, CompletionError error)
    {
        Errors.Count(error);
        _pool.Return(buffer);
        _broken |= error.StopsReceiving;
    }

    /// <summary>Gives the NIC the buffers that it lacks. Returns false if the pool had too few, or the NIC refused: no use to try again in this poll.</summary>
    private bool Refill()
    {
        if (_broken && !TryRestart())
        {
            return true;
        }

        while (WantsBuffers)
        {
            if (!Post())
            {
                return false;
            }
        }

        return true;
    }

    // The NIC completes all that was posted to a queue that stopped; when the last buffer is back, nothing can be lost.
    private bool TryRestart()
    {
        if (_posted.Count > 0 || Errors.RestartErrno != 0)
        {
            return false;
        }

        Errors.RestartErrno = _queue.Restart();
        _broken = Errors.RestartErrno != 0;
        return !_broken;
    }

    private bool Post()
    {
        int count = _pool.TakeToReceive(_fresh);
        if (count < RefillBatch)
        {
            CountNoBuffer();
            if (count == 0)
            {
                return false;
            }
        }

        for (int i = 0; i < count; i++)
        {
            _requests[i].wr_id = _fresh[i].Value;
            _pieces[i].addr = (ulong)_pool.ReceiveAddress(_fresh[i]);
        }

        int posted = PostChain(count);
        _posted.Add(_fresh.AsSpan(0, posted));
        _pool.Return(_fresh.AsSpan(posted, count - posted));
        return posted == RefillBatch;
    }

    private int PostChain(int count)
    {
        ibv_recv_wr* last = &_requests[count - 1];
        ibv_recv_wr* refused = null;
        last->next = null;
        int result = ibv_post_wq_recv(_queue.Handle, _requests, &refused);
        last->next = last + 1;
        return result == 0 ? count : (int)(refused - _requests);
    }
}
