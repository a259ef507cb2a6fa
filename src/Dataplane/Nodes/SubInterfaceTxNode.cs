using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary><c>IF.ID-tx</c>: tags what a sub-interface routes, and sends by its port; bridged frames have the tags that they are to have.</summary>
internal sealed class SubInterfaceTxNode(Dispatcher dispatcher, Interface tx, InterfaceTxNode port)
    : InternalNode(dispatcher, tx.Name + "-tx", NodeKind.Output)
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        if (!tx.IsAdminUp)
        {
            DropAll(frame, Reason.InterfaceDown);
            return;
        }

        int bytes = Tag(frame);
        int sent = port.Send(frame);
        foreach (BufferIndex packet in frame[sent..])
        {
            bytes -= Buffers.PacketBytes(packet);
            Drop(packet, port.Refusal);
        }

        WorkerInterfaceCounters counters = tx.Workers[Dispatcher.Worker];
        counters.TxPackets += (uint)sent;
        counters.TxBytes += (uint)bytes;
        counters.TxErrors += (uint)(frame.Length - sent);
    }

    /// <summary>Puts tags in front, and returns the packets' bytes.</summary>
    private int Tag(ReadOnlySpan<BufferIndex> frame)
    {
        int bytes = 0;
        ReadOnlySpan<VlanTag> tags = tx.L2 is null ? tx.Match!.Tags : [];
        foreach (BufferIndex packet in frame)
        {
            Buffers.ReplaceTags(packet, pop: 0, tags);
            bytes += Buffers.PacketBytes(packet);
        }

        return bytes;
    }
}
