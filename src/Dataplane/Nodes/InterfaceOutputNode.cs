using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>interface-output: sorts packets by the interface that is to send them. Next: each interface's <c>-tx</c>.</summary>
internal sealed class InterfaceOutputNode(Dispatcher dispatcher) : InternalNode(dispatcher, "interface-output")
{
    private InterfaceTxNode?[] _tx = [];

    /// <summary>Makes and adds the <c>-tx</c> node of an interface. While the worker is parked.</summary>
    public void Add(Interface added)
    {
        if (added.Index >= _tx.Length)
        {
            Array.Resize(ref _tx, added.Index + 1);
        }

        _tx[added.Index] = new InterfaceTxNode(Dispatcher, added);
    }

    /// <summary>Removes it, with its counters. While the worker is parked.</summary>
    public void Remove(Interface removed)
    {
        Dispatcher.Unregister(_tx[removed.Index]!);
        _tx[removed.Index] = null;
    }

    /// <summary>Gives buffers of packets that ports have sent back to the pool, at the end of a turn.</summary>
    public void Reclaim()
    {
        foreach (InterfaceTxNode? tx in _tx)
        {
            tx?.Reclaim();
        }
    }

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            uint index = Buffers.Header(packet).TxInterface;
            if (index < (uint)_tx.Length && _tx[index] is { } tx)
            {
                tx.Enqueue(packet);
            }
            else
            {
                Drop(packet, Reason.InterfaceDeleted);
            }
        }
    }
}
