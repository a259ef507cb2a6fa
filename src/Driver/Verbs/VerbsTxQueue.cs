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

    /// <summary>Buffers that a packet may have: as many as libmlx5 takes in a WQE of two blocks.</summary>
    public const int MaxPieces = 5;

    private readonly SendQueue _queue;
    private readonly int _maxPieces;
    private readonly BufferPool _pool;
    private readonly ibv_cq* _completionQueue;
    private readonly ibv_wc* _completions;
    private readonly ibv_send_wr* _requests;
    private readonly ibv_sge* _pieces;
    private BufferRing _sent;

    public VerbsTxQueue(SendQueue queue, CompletionQueue completions, MemoryRegion region, BufferPool pool, int size, int maxPieces)
    {
        _queue = queue;
        _maxPieces = maxPieces;
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

    protected override int PendingBuffers => _sent.Count;

    public override int Send(ReadOnlySpan<BufferIndex> packets)
    {
        Reclaim();
        if (Errors.RestartErrno != 0)
        {
            return 0;
        }

        int taken = 0;
        while (taken < packets.Length)
        {
            ReadOnlySpan<BufferIndex> batch = packets[taken..Math.Min(packets.Length, taken + MaxBatch)];
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
        if (Errors.RestartErrno != 0)
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
                Errors.Count(CompletionError.Of(in _completions[i]));
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
        CountLost(CountPackets(in _sent, _pool));
        Errors.RestartErrno = _queue.Restart();
        if (Errors.RestartErrno == 0)
        {
            _sent.Return(_sent.Count, _pool);
        }
    }

    private int Post(ReadOnlySpan<BufferIndex> packets)
    {
        int count = 0;
        int pieces = 0;
        ulong bytes = 0;
        while (count < packets.Length && Write(packets[count], ref _requests[count], ref pieces))
        {
            bytes += (ulong)_pool.PacketBytes(packets[count]);
            count++;
        }

        int posted = count == 0 ? 0 : PostChain(count);
        for (int i = 0; i < posted; i++)
        {
            AddSent(packets[i]);
        }

        for (int i = posted; i < count; i++)
        {
            bytes -= (ulong)_pool.PacketBytes(packets[i]);
        }

        CountSent(posted, bytes);
        return posted;
    }

    /// <summary>Writes a request with a piece for each of the packet's buffers, if there is room for it.</summary>
    private bool Write(BufferIndex packet, ref ibv_send_wr request, ref int pieces)
    {
        const BufferFlags Checksums = BufferFlags.OffloadIp4Checksum | BufferFlags.OffloadL4Checksum;
        bool checksums = (_pool.Header(packet).Flags & Checksums) != BufferFlags.None; // verbs have one flag for both
        int first = pieces;
        int room = Math.Min(Math.Min(MaxBatch, first + _maxPieces), _sent.Free);
        do
        {
            if (pieces == room)
            {
                pieces = first;
                return false;
            }

            _pieces[pieces].addr = (ulong)_pool.PacketAddress(packet);
            _pieces[pieces++].length = _pool.Header(packet).Length;
        }
        while (_pool.MoveNext(ref packet));

        request.sg_list = &_pieces[first];
        request.num_sge = pieces - first;
        request.send_flags = checksums ? ibv_send_flags.IBV_SEND_IP_CSUM : default;
        request.wr_id = _sent.Next + (uint)pieces - 1;
        return true;
    }

    private void AddSent(BufferIndex packet)
    {
        do
        {
            _sent.Add(new ReadOnlySpan<BufferIndex>(in packet));
        }
        while (_pool.MoveNext(ref packet));
    }

    private int PostChain(int count)
    {
        ibv_send_wr* last = &_requests[count - 1];
        ibv_send_wr* refused = null;
        last->next = null;
        last->send_flags |= ibv_send_flags.IBV_SEND_SIGNALED;
        int result = ibv_post_send(_queue.Handle, _requests, &refused);
        last->next = last + 1;
        return result == 0 ? count : (int)(refused - _requests);
    }
}
