using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-icmp-echo-request: turns a request into its reply (RFC 792; RFC 1812, 4.3.3.6). Next: ip4-lookup.</summary>
internal sealed class Ip4IcmpEchoRequestNode(Dispatcher dispatcher, InternalNode lookup)
    : InternalNode(dispatcher, "ip4-icmp-echo-request")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
            (ip.Source, ip.Destination) = (ip.Destination, ip.Source);
            ip.TimeToLive = Originate.TimeToLive;
            if ((ip.FlagsAndFragmentOffset & Ip4Header.DontFragment) == 0)
            {
                ip.Identification = Dispatcher.NextIdentification(); // the asker's are not ours to use again
            }

            Originate.WriteChecksum(ref ip, Buffers.Packet(packet));

            ref IcmpHeader icmp = ref Buffers.PacketHeader<IcmpHeader>(packet, ip.HeaderBytes);
            icmp.Type = IcmpHeader.EchoReply;
            icmp.Checksum = Be16.FromRaw(Checksum.Adjust(icmp.Checksum.Raw, IcmpHeader.EchoRequest, IcmpHeader.EchoReply));

            ref BufferHeader header = ref Buffers.Header(packet);
            header.Flags = BufferFlags.LocallyOriginated | (header.Flags & BufferFlags.HasNext);
            Count(Reason.EchoRepliesSent);
            lookup.Enqueue(packet);
        }
    }
}
