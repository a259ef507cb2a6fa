using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary><c>IF-tx</c>: hands packets to its worker's transmit queue of one interface's port.</summary>
internal sealed class InterfaceTxNode(Dispatcher dispatcher, Interface tx)
    : InternalNode(dispatcher, tx.Name + "-tx", NodeKind.Output)
{
    private readonly TxQueue _queue = tx.Port!.TxQueues[dispatcher.Worker];
    private bool _sent;

    /// <summary>Why <see cref="Send"/> has left packets.</summary>
    public Reason Refusal => _queue.IsStopped ? Reason.TxQueueStopped : Reason.NoFreeTxSlots;

    /// <summary>Lets the queue return buffers, unless it has just done so while sending.</summary>
    public void Reclaim()
    {
        if (!_sent)
        {
            _queue.Reclaim();
        }

        _sent = false;
    }

    /// <summary>Lets the queue return buffers, and says whether it has none left.</summary>
    public bool ReclaimAll()
    {
        _queue.Reclaim();
        return _queue.IsEmpty;
    }

    /// <summary>Sends what the queue takes, after a look for room if it has too little, and returns how many that were.</summary>
    public int Send(ReadOnlySpan<BufferIndex> frame)
    {
        _sent = true;
        int count = _queue.Send(frame);
        if (count < frame.Length)
        {
            _queue.Reclaim();
            count += _queue.Send(frame[count..]);
            tx.Workers[Dispatcher.Worker].TxErrors += (uint)(frame.Length - count);
        }

        return count;
    }

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        if (tx.IsAdminUp)
        {
            DropAll(frame[Send(frame)..], Refusal);
        }
        else
        {
            DropAll(frame, Reason.InterfaceDown);
        }
    }
}
