using Verbena.Driver.Objects;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>A transmit queue in dv mode: it writes the WQEs and reads the completions itself; one doorbell and one completion for a batch.</summary>
internal sealed unsafe class DirectTxQueue<TForm> : RdmaTxQueue
    where TForm : struct, ISendForm
{
    private readonly SendQueue _queue;
    private readonly SendRing _ring;
    private readonly SendWriter<TForm> _writer;
    private readonly BufferPool _pool;
    private CompletionRing _completions;
    private BufferRing _sent;

    public DirectTxQueue(SendQueue queue, in mlx5dv_cq completions, SendRing ring, BufferPool pool, uint localKey, int size)
    {
        (_queue, _ring, _pool) = (queue, ring, pool);
        _completions = new CompletionRing(completions);
        _writer = new SendWriter<TForm>(ring, pool, localKey);
        _sent = new BufferRing(size);
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
        ulong bytes = 0;
        for (int written = -1; written != 0 && taken < packets.Length; taken += written)
        {
            written = _writer.Write(packets[taken..], ref _sent, ref bytes);
        }

        if (taken > 0)
        {
            _ring.Submit();
            CountSent(taken, bytes);
        }

        return taken;
    }

    public override void Reclaim()
    {
        if (Errors.RestartErrno != 0)
        {
            return; // what the NIC still has comes back when the port is disposed
        }

        CompletionRing ring = _completions;
        uint index = ring.Index;
        mlx5_cqe64* last = null;
        for (byte opOwn; ring.IsValid(opOwn = CompletionRing.ReadOpOwn(ring.Entry(index)), index); index++)
        {
            if (CompletionRing.IsError(opOwn))
            {
                Restart(ring.Entry(index));
                return;
            }

            last = ring.Entry(index); // a send queue completes in order, and a completion counts for all WQEs before it
        }

        if (last != null)
        {
            SentWqe done = _ring.Complete(last->wqe_counter);
            _completions.Consume(index);
            Return(done.EndBuffer);
        }
    }

    public override void Dispose()
    {
        _sent.Return(_sent.Count, _pool);
        _ring.Dispose();
    }

    /// <summary>Returns the buffers up to a running count.</summary>
    private void Return(uint end) => _sent.Return(_sent.Count - (int)(_sent.Next - end), _pool);

    // After an error the NIC sends nothing more. What waited from the failed WQE on is lost, and the queue starts anew.
    private void Restart(mlx5_cqe64* failed)
    {
        Errors.Count(CompletionRing.ErrorOf(failed));
        Return(_ring.Find(failed->wqe_counter).FirstBuffer);
        CountLost(CountPackets(in _sent, _pool));
        Errors.RestartErrno = _queue.Restart();
        if (Errors.RestartErrno == 0)
        {
            _completions.Drain();
            _ring.Reset();
            _sent.Return(_sent.Count, _pool);
        }
    }
}
