using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary><c>IF-tx</c>: hands packets to its worker's transmit queue of one interface's port.</summary>
internal sealed class InterfaceTxNode(Dispatcher dispatcher, Interface tx)
    : InternalNode(dispatcher, tx.Name + "-tx", NodeKind.Output)
{
    private readonly TxQueue _queue = tx.Port!.TxQueues[dispatcher.Worker];
    private bool _sent;

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

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        if (!tx.IsAdminUp)
        {
            DropAll(frame, Reason.InterfaceDown);
            return;
        }

        _sent = true;
        int count = _queue.Send(frame);
        if (count < frame.Length)
        {
            _queue.Reclaim();
            count += _queue.Send(frame[count..]);
            tx.Workers[Dispatcher.Worker].TxErrors += (uint)(frame.Length - count);
            DropAll(frame[count..], Reason.NoFreeTxSlots);
        }
    }

    private void DropAll(ReadOnlySpan<BufferIndex> packets, Reason reason)
    {
        foreach (BufferIndex packet in packets)
        {
            Drop(packet, reason);
        }
    }
}
