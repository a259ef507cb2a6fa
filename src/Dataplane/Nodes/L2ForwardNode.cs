using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>l2-fwd: sends a frame where its destination was learned, or has it flooded. Next: l2-output, l2-flood.</summary>
internal sealed class L2ForwardNode(Dispatcher dispatcher, InternalNode output, InternalNode flood) : InternalNode(dispatcher, "l2-fwd")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        Count(Reason.L2ForwardPackets, (uint)frame.Length);
        foreach (BufferIndex packet in frame)
        {
            Interface rx = Dispatcher.Tables.InterfaceAt(Buffers.Header(packet).RxInterface);
            MacAddress destination = Buffers.PacketHeader<EthernetHeader>(packet).Destination;
            L2Port port = rx.L2!;
            BridgeDomain domain = port.Domain!;
            if (destination.IsMulticast)
            {
                FloodIf(domain.Floods && port.Floods, packet);
            }
            else if (domain.Forwards && port.Forwards && Dispatcher.Tables.L2Fib.Find(domain.KeyOf(destination)) is { Exists: true } entry)
            {
                Forward(packet, entry, rx);
            }
            else
            {
                SendUnknown(packet, domain);
            }
        }
    }

    private void Forward(BufferIndex packet, L2Entry entry, Interface rx)
    {
        if (entry.IsFilter)
        {
            Drop(packet, Reason.L2ForwardFilter);
        }
        else if (entry.Interface == (uint)rx.Index)
        {
            Drop(packet, Reason.L2Reflection);
        }
        else
        {
            Buffers.Header(packet).TxInterface = entry.Interface;
            output.Enqueue(packet);
        }
    }

    private void SendUnknown(BufferIndex packet, BridgeDomain domain)
    {
        Count(Reason.L2ForwardMisses);
        if (domain.UuForward is not { } only)
        {
            FloodIf(domain.FloodsUnknown, packet);
        }
        else if (only.Interface.Index == Buffers.Header(packet).RxInterface)
        {
            Drop(packet, Reason.L2Reflection);
        }
        else
        {
            Buffers.Header(packet).TxInterface = (uint)only.Interface.Index;
            output.Enqueue(packet);
        }
    }

    private void FloodIf(bool allowed, BufferIndex packet)
    {
        if (allowed)
        {
            flood.Enqueue(packet);
        }
        else
        {
            Drop(packet, Reason.L2FeatureDisabled);
        }
    }
}
