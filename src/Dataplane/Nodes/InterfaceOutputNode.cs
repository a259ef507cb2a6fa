using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>interface-output: sorts packets by the interface that is to send them. Next: each interface's <c>-tx</c>.</summary>
internal sealed class InterfaceOutputNode(Dispatcher dispatcher) : InternalNode(dispatcher, "interface-output")
{
    private InternalNode?[] _tx = [];
    private InterfaceTxNode[] _ports = []; // those of _tx with a queue: few, while there may be thousands of sub-interfaces
    private InternalNode _l2Input = null!;

    /// <summary>What bridge virtual interfaces send goes in a circle.</summary>
    public void Connect(InternalNode l2Input) => _l2Input = l2Input;

    /// <summary>Makes and adds the <c>-tx</c> node of an interface. While the worker is parked.</summary>
    public void Add(Interface added)
    {
        if (added.Index >= _tx.Length)
        {
            Array.Resize(ref _tx, Math.Max(added.Index + 1, _tx.Length * 2));
        }

        _tx[added.Index] = added switch
        {
            { Port: not null } => new InterfaceTxNode(Dispatcher, added),
            { Parent: { } parent } => new SubInterfaceTxNode(Dispatcher, added, (InterfaceTxNode)_tx[parent.Index]!),
            _ => new BviTxNode(Dispatcher, added, _l2Input),
        };
        _ports = added.Port is null ? _ports : FindPorts();
    }

    /// <summary>Removes it, if there is one, with its counters. While the worker is parked.</summary>
    public void Remove(Interface removed)
    {
        if (removed.Index < _tx.Length && _tx[removed.Index] is { } tx)
        {
            Dispatcher.Unregister(tx);
            _tx[removed.Index] = null;
            _ports = removed.Port is null ? _ports : FindPorts();
        }
    }

    /// <summary>Gives buffers of packets that ports have sent back to the pool, at the end of a turn.</summary>
    public void Reclaim()
    {
        foreach (InterfaceTxNode port in _ports)
        {
            port.Reclaim();
        }
    }

    /// <summary>Returns what ports have sent, and says whether that was all that they had. While the worker is parked.</summary>
    public bool ReclaimAll()
    {
        bool all = true;
        foreach (InterfaceTxNode port in _ports)
        {
            all &= port.ReclaimAll();
        }

        return all;
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

    private InterfaceTxNode[] FindPorts() => [.. _tx.OfType<InterfaceTxNode>()];
}
