using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-icmp-echo-reply: tells the control thread, whose ping sessions know what to make of it. Next: drop.</summary>
internal sealed class Ip4IcmpEchoReplyNode(Dispatcher dispatcher, WorkerMessages messages)
    : InternalNode(dispatcher, "ip4-icmp-echo-reply")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
            ref IcmpHeader icmp = ref Buffers.PacketHeader<IcmpHeader>(packet, ip.HeaderBytes);
            _ = messages.Reports.TryAdd(new(WorkerReportKind.EchoReply)
            {
                Time = Dispatcher.Now,
                Address = ip.Source,
                Identifier = icmp.Identifier,
                Sequence = icmp.Sequence,
                Bytes = ip.TotalLength,
                TimeToLive = ip.TimeToLive,
            });
            Drop(packet, Reason.EchoRepliesReceived);
        }
    }
}
