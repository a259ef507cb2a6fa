using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-icmp-input: sorts ICMP messages for this router. Next: ip4-icmp-echo-request, ip4-icmp-echo-reply.</summary>
/// <remarks>RFC 1122, 3.2.2: a message of unknown type is silently discarded.</remarks>
internal sealed class Ip4IcmpInputNode(Dispatcher dispatcher, InternalNode echoRequest, InternalNode echoReply)
    : InternalNode(dispatcher, "ip4-icmp-input")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            int headerBytes = Buffers.PacketHeader<Ip4Header>(packet).HeaderBytes;
            ReadOnlySpan<byte> message = Buffers.Packet(packet)[headerBytes..]; // or its first buffer's part
            if (message.Length < IcmpHeader.Size)
            {
                Drop(packet, Reason.IcmpTooShort);
            }
            else if (!Buffers.IsChecksumValid(packet, headerBytes))
            {
                Drop(packet, Reason.IcmpBadChecksum);
            }
            else
            {
                Sort(packet, message[0]);
            }
        }
    }

    private void Sort(BufferIndex packet, byte type)
    {
        switch (type)
        {
            case IcmpHeader.EchoRequest:
                echoRequest.Enqueue(packet);
                break;
            case IcmpHeader.EchoReply:
                echoReply.Enqueue(packet);
                break;
            case IcmpHeader.DestinationUnreachable or IcmpHeader.TimeExceeded:
                Drop(packet, Reason.IcmpErrorReceived);
                break;
            default:
                Drop(packet, Reason.IcmpUnknownType);
                break;
        }
    }
}
