using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// l2-input: rewrites the tags of frames that interfaces in L2 mode received, and sorts them. Next: l2-learn, l2-fwd, l2-output.
/// </summary>
internal sealed class L2InputNode(Dispatcher dispatcher, InternalNode learn, InternalNode forward, InternalNode output)
    : InternalNode(dispatcher, "l2-input")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        Count(Reason.L2InputPackets, (uint)frame.Length);
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            Interface rx = Dispatcher.Tables.InterfaceAt(header.RxInterface);
            L2Port port = rx.L2!;
            if (rx.TagRewrite is { } rewrite && !rewrite.Input.TryApply(Buffers, packet))
            {
                Drop(packet, Reason.L2InputTagRewrite);
            }
            else if (port.Domain is { } domain)
            {
                (port.Learns && domain.Learns ? learn : forward).Enqueue(packet);
            }
            else if (port.Peer is { } peer)
            {
                header.TxInterface = (uint)peer.Index;
                output.Enqueue(packet);
            }
            else
            {
                Drop(packet, Reason.L2BadInterface);
            }
        }
    }
}
