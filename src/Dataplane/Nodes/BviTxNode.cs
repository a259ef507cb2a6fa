using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary><c>IF-tx</c> of an interface without a port: what it sends enters its bridge domain. Next: l2-input.</summary>
internal sealed class BviTxNode(Dispatcher dispatcher, Interface tx, InternalNode l2Input)
    : InternalNode(dispatcher, tx.Name + "-tx", NodeKind.Output)
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        bool isUp = tx.IsAdminUp;
        bool isBridged = tx.L2 is not null;
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            if (!isUp || !isBridged)
            {
                Drop(packet, isUp ? Reason.InterfaceNotBridged : Reason.InterfaceDown);
                continue;
            }

            tx.Workers[Dispatcher.Worker].CountSent(Buffers.PacketBytes(packet));
            header.RxInterface = (uint)tx.Index;
            l2Input.Enqueue(packet);
        }
    }
}
