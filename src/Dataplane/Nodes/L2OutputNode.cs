using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// l2-output: rewrites the tags of frames that leave by an interface in L2 mode; what a bridge domain has for its BVI is received
/// there. Next: interface-output, ethernet-input.
/// </summary>
/// <remarks>What a BVI routes comes back to l2-input, so packets go in a circle; hence <see cref="Connect"/>.</remarks>
internal sealed class L2OutputNode(Dispatcher dispatcher, InternalNode interfaceOutput) : InternalNode(dispatcher, "l2-output")
{
    private InternalNode _ethernetInput = null!;

    public void Connect(InternalNode ethernetInput) => _ethernetInput = ethernetInput;

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        Count(Reason.L2OutputPackets, (uint)frame.Length);
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            L2Port from = Dispatcher.Tables.InterfaceAt(header.RxInterface).L2!;
            Interface tx = Dispatcher.Tables.InterfaceAt(header.TxInterface);
            if (FindFault(packet, from, tx) is { } fault)
            {
                Drop(packet, fault);
            }
            else if (tx.L2!.IsBvi)
            {
                header.RxInterface = header.TxInterface;
                tx.Workers[Dispatcher.Worker].CountReceived(Buffers.PacketBytes(packet));
                _ethernetInput.Enqueue(packet);
            }
            else
            {
                interfaceOutput.Enqueue(packet);
            }
        }
    }

    /// <summary>Returns why the frame can't leave; if it can, its tags are what they have to be.</summary>
    private Reason? FindFault(BufferIndex packet, L2Port from, Interface tx)
    {
        if (tx.L2 is not { } to)
        {
            return Reason.L2BadInterface;
        }

        if (!from.MaySendTo(to))
        {
            return Reason.L2SplitHorizon;
        }

        if (to.IsBvi)
        {
            return tx.IsAdminUp ? null : Reason.InterfaceDown;
        }

        if (tx.TagRewrite is { } rewrite && !rewrite.Output.TryApply(Buffers, packet))
        {
            return Reason.L2OutputTagRewrite;
        }

        // Else the far end would take the frame for another sub-interface's.
        if (tx.Match is { } match && !match.Matches(VlanTags.Read(Buffers.Packet(packet))))
        {
            return Reason.L2OutputFilter;
        }

        return Buffers.PacketBytes(packet) > tx.MaxFrameBytes ? Reason.L2TooLong : null;
    }
}
