using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>rdma-input: takes packets from the receive queues that are placed on its worker. Next: ethernet-input.</summary>
/// <remarks>The name is VPP's for the driver that this data plane was made for; it polls any <see cref="Port"/>.</remarks>
internal sealed class RdmaInputNode(Dispatcher dispatcher, EthernetInputNode ethernetInput)
    : InputNode(dispatcher, "rdma-input")
{
    private const long AdaptiveNanoseconds = 1_000_000; // as long as a worker without a processor of its own polls on

    private readonly BufferIndex[] _frame = new BufferIndex[InternalNode.FrameSize];
    private (Interface Interface, RxQueue Queue, RxMode Mode)[] _queues = [];
    private int[] _descriptors = []; // of their events

    /// <summary>Whether a queue could not be filled when it was last polled.</summary>
    public bool WantsBuffers => Array.Exists(_queues, entry => entry.Queue.WantsBuffers);

    /// <summary>How the worker learns of packets: like the most wakeful of its queues. May be read from any thread.</summary>
    public RxMode Mode { get; private set; } = RxMode.Interrupt;

    /// <summary>Polls a queue from now on. While the worker is parked.</summary>
    public void Add(PlacedQueue added) => Use([.. _queues, (added.Interface, added.RxQueue, added.Mode)]);

    /// <summary>Polls it no more. While the worker is parked.</summary>
    public void Remove(PlacedQueue removed) => Use([.. _queues.Where(entry => entry.Queue != removed.RxQueue)]);

    /// <summary>Asks all queues for events, unless one of them is to be polled still, after so long without packets.</summary>
    /// <returns>Their descriptors, or null. The array is another one after each change.</returns>
    public int[]? TryArm(long idleNanoseconds)
    {
        if (Mode == RxMode.Polling || (Mode == RxMode.Adaptive && idleNanoseconds < AdaptiveNanoseconds))
        {
            return null;
        }

        foreach ((_, RxQueue queue, _) in _queues)
        {
            queue.Arm();
        }

        return _descriptors;
    }

    protected override int Poll()
    {
        int total = 0;
        foreach ((Interface rx, RxQueue queue, _) in _queues)
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

    private void Use((Interface Interface, RxQueue Queue, RxMode Mode)[] queues)
    {
        _queues = queues;
        _descriptors = [.. queues.Select(entry => entry.Queue.EventDescriptor)];
        Mode = Array.Exists(queues, entry => entry.Mode == RxMode.Polling) ? RxMode.Polling
            : Array.Exists(queues, entry => entry.Mode == RxMode.Adaptive) ? RxMode.Adaptive
            : RxMode.Interrupt;
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
