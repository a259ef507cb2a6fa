using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>drop: counts each packet under the node and reason that it carries, and gives its buffers back.</summary>
internal sealed class DropNode(Dispatcher dispatcher) : InternalNode(dispatcher, "drop", NodeKind.Drop)
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            (int nodeIndex, Reason reason) = ReadDropCounter(header.DropCounter);
            Dispatcher.NodeAt(nodeIndex).Count(reason);

            // An ARP reply that was read, say, ends here too; only what went wrong counts as the interface's drop.
            if (reason.Severity() == Severity.Error)
            {
                Dispatcher.Tables.InterfaceAt(header.RxInterface).Workers[Dispatcher.Worker].Drops++;
            }
        }

        Buffers.ReturnPackets(frame);
    }
}
