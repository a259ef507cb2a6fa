using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>rdma-input: takes packets from the receive queues that are placed on its worker. Next: ethernet-input.</summary>
/// <remarks>The name is VPP's for the driver that this data plane was made for; it polls any <see cref="Port"/>.</remarks>
internal sealed class RdmaInputNode(Dispatcher dispatcher, EthernetInputNode ethernetInput)
    : InputNode(dispatcher, "rdma-input")
{
    private readonly BufferIndex[] _frame = new BufferIndex[InternalNode.FrameSize];
    private (Interface Interface, RxQueue Queue)[] _queues = [];

    /// <summary>Polls a queue of an interface's port from now on. While the worker is parked.</summary>
    public void Add(Interface rx, RxQueue queue) => _queues = [.. _queues, (rx, queue)];

    /// <summary>Polls it no more. While the worker is parked.</summary>
    public void Remove(RxQueue queue) => _queues = [.. _queues.Where(entry => entry.Queue != queue)];

    protected override int Poll()
    {
        int total = 0;
        foreach ((Interface rx, RxQueue queue) in _queues)
        {
            int count = queue.Receive(_frame);
            if (count > 0)
            {
                Deliver(_frame.AsSpan(0, count), rx);
                total += count;
            }
        }

        return total;
    }

    private void Deliver(ReadOnlySpan<BufferIndex> packets, Interface rx)
    {
        uint index = (uint)rx.Index;
        foreach (BufferIndex packet in packets)
        {
            Buffers.Header(packet).RxInterface = index;
        }

        if (rx.IsAdminUp)
        {
            ethernetInput.Enqueue(packets);
            return;
        }

        foreach (BufferIndex packet in packets)
        {
            Drop(packet, Reason.InterfaceDown);
        }
    }
}
