using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>l2-flood: sends a frame to all members of its domain but the one it came from and those of its group. Next: l2-output.</summary>
internal sealed class L2FloodNode(Dispatcher dispatcher, InternalNode output) : InternalNode(dispatcher, "l2-flood")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        Count(Reason.L2FloodPackets, (uint)frame.Length);
        foreach (BufferIndex packet in frame)
        {
            L2Port from = Dispatcher.Tables.InterfaceAt(Buffers.Header(packet).RxInterface).L2!;
            if (SendCopies(packet, from) is { } last)
            {
                Send(packet, last);
            }
            else
            {
                Drop(packet, Reason.L2NoOtherMember);
            }
        }
    }

    /// <summary>Sends a copy to each member that is to have the frame but the last, which is returned: it gets the frame itself.</summary>
    private L2Port? SendCopies(BufferIndex packet, L2Port from)
    {
        L2Port? last = null;
        foreach (L2Port member in from.Domain!.Members)
        {
            if (!from.MaySendTo(member) || member.IsUuForward)
            {
                continue;
            }

            if (last is not null)
            {
                SendCopy(packet, last);
            }

            last = member;
        }

        return last;
    }

    private void SendCopy(BufferIndex packet, L2Port to)
    {
        if (Buffers.TryCopy(packet, out BufferIndex copy))
        {
            Count(Reason.L2FloodCopies);
            Send(copy, to);
        }
        else
        {
            Count(Reason.L2FloodNoBuffer);
        }
    }

    private void Send(BufferIndex packet, L2Port to)
    {
        Buffers.Header(packet).TxInterface = (uint)to.Interface.Index;
        output.Enqueue(packet);
    }
}
