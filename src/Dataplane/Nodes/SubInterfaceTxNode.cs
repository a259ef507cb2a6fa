using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary><c>IF.ID-tx</c>: tags what a sub-interface routes; bridged frames have the tags that they are to have. Next: its port's <c>-tx</c>.</summary>
internal sealed class SubInterfaceTxNode(Dispatcher dispatcher, Interface tx, InternalNode portTx)
    : InternalNode(dispatcher, tx.Name + "-tx", NodeKind.Output)
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        bool isUp = tx.IsAdminUp;
        ReadOnlySpan<VlanTag> tags = tx.L2 is null ? tx.Match!.Tags : [];
        foreach (BufferIndex packet in frame)
        {
            if (!isUp)
            {
                Drop(packet, Reason.InterfaceDown);
                continue;
            }

            Buffers.ReplaceTags(packet, pop: 0, tags);
            tx.Workers[Dispatcher.Worker].CountSent(Buffers.PacketBytes(packet));
            portTx.Enqueue(packet);
        }
    }
}
