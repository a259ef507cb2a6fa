using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Verbs;

/// <summary>A transmit queue in ibv mode: one ibv_post_send and one completion for a batch of packets.</summary>
internal sealed unsafe class VerbsTxQueue : RdmaTxQueue
{
    private const int MaxBatch = 256; // a frame of the graph
    private const int MaxCompletions = 16;

    private readonly SendQueue _queue;
    private readonly BufferPool _pool;
    private readonly ibv_cq* _completionQueue;
    private readonly ibv_wc* _completions;
    private readonly ibv_send_wr* _requests;
    private readonly ibv_sge* _pieces;
    private BufferRing _sent;

    public VerbsTxQueue(SendQueue queue, CompletionQueue completions, MemoryRegion region, BufferPool pool, int size)
    {
        _queue = queue;
        _pool = pool;
        _completionQueue = completions.Handle;
        _sent = new BufferRing(size);
        _completions = (ibv_wc*)NativeMemory.AllocZeroed(MaxCompletions, (nuint)sizeof(ibv_wc));
        _requests = (ibv_send_wr*)NativeMemory.AllocZeroed(MaxBatch, (nuint)sizeof(ibv_send_wr));
        _pieces = (ibv_sge*)NativeMemory.AllocZeroed(MaxBatch, (nuint)sizeof(ibv_sge));
        for (int i = 0; i < MaxBatch; i++)
        {
            _pieces[i].lkey = region.LocalKey;
            _requests[i] = new ibv_send_wr
            {
                next = &_requests[i + 1],
                sg_list = &_pieces[i],
                num_sge = 1,
                opcode = ibv_wr_opcode.IBV_WR_SEND,
            };
        }
    }

    public override int Send(ReadOnlySpan<BufferIndex> packets)
    {
        Reclaim();
        if (RestartError != 0)
        {
            return 0;
        }

        int count = Math.Min(packets.Length, _sent.Free);
        int taken = 0;
        while (taken < count)
        {
            ReadOnlySpan<BufferIndex> batch = packets[taken..Math.Min(count, taken + MaxBatch)];
            int posted = Post(batch);
            taken += posted;
            if (posted < batch.Length)
            {
                break;
            }
        }

        return taken;
    }

    public override void Reclaim()
    {
        if (RestartError != 0)
        {
            return; // what the NIC still has comes back when the port is disposed
        }

        int completions = ibv_poll_cq(_completionQueue, MaxCompletions, _completions);
        for (int i = 0; i < completions; i++)
        {
            // Work requests carry their position in the ring. A send queue completes in order, one completion for all before it.
            int done = _sent.Count - (int)(_sent.Next - (uint)_completions[i].wr_id);
            if (_completions[i].status != ibv_wc_status.IBV_WC_SUCCESS)
            {
                Errors.Count(_completions[i].status);
                _sent.Return(done, _pool);
                Restart();
                return;
            }

            _sent.Return(done + 1, _pool);
        }
    }

    public override void Dispose()
    {
        _sent.Return(_sent.Count, _pool);
        NativeMemory.Free(_completions);
        NativeMemory.Free(_requests);
        NativeMemory.Free(_pieces);
    }

    // After an error the NIC sends nothing more. What waited from the failed packet on is lost, and the queue starts anew.
    private void Restart()
    {
        CountLost(_sent.Count);
        RestartError = _queue.Restart();
        if (RestartError == 0)
        {
            _sent.Return(_sent.Count, _pool);
        }
    }

    private int Post(ReadOnlySpan<BufferIndex> packets)
    {
        for (int i = 0; i < packets.Length; i++)
        {
            Debug.Assert(_pool.Header(packets[i]).Length >= EthernetHeader.Size, "a frame has at least its header");
            _requests[i].wr_id = _sent.Next + (uint)i;
            _pieces[i].addr = (ulong)_pool.PacketAddress(packets[i]);
            _pieces[i].length = _pool.Header(packets[i]).Length;
        }

        int posted = PostChain(packets.Length);
        ulong bytes = 0;
        for (int i = 0; i < posted; i++)
        {
            bytes += _pieces[i].length;
        }

        _sent.Add(packets[..posted]);
        CountSent(posted, bytes);
        return posted;
    }

    private int PostChain(int count)
    {
        ibv_send_wr* last = &_requests[count - 1];
        ibv_send_wr* refused = null;
        last->next = null;
        last->send_flags = ibv_send_flags.IBV_SEND_SIGNALED;
        int result = ibv_post_send(_queue.Handle, _requests, &refused);
        last->next = last + 1;
        last->send_flags = default;
        return result == 0 ? count : (int)(refused - _requests);
    }
}
