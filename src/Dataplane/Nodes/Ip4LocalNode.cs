using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-local: packets for one of this router's addresses. Next: ip4-icmp-input, ip4-local-full-reassembly, ip4-icmp-error.</summary>
/// <remarks>Nothing listens but ICMP, so the rest is answered as RFC 1812, 5.2.7.1 says: port or protocol unreachable.</remarks>
internal sealed class Ip4LocalNode(Dispatcher dispatcher, InternalNode icmpInput, InternalNode reassembly, InternalNode icmpError)
    : InternalNode(dispatcher, "ip4-local")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
            if (IsSpoofed(packet, in ip))
            {
                Drop(packet, Reason.Ip4SpoofedLocal);
            }
            else if (IsFragment(in ip))
            {
                reassembly.Enqueue(packet);
            }
            else if (ip.Protocol == IpProtocol.Icmp)
            {
                icmpInput.Enqueue(packet);
            }
            else if (ip.Protocol == IpProtocol.Udp)
            {
                Reject(packet, Reason.Ip4NoListener, IcmpError.PortUnreachable, icmpError);
            }
            else
            {
                Reject(packet, Reason.Ip4UnknownProtocol, IcmpError.ProtocolUnreachable, icmpError);
            }
        }
    }

    private static bool IsFragment(in Ip4Header ip) =>
        (ip.FlagsAndFragmentOffset & (Ip4Header.MoreFragments | Ip4Header.FragmentOffsetMask)) != 0;

    /// <summary>From the wire, yet from one of our own addresses.</summary>
    private bool IsSpoofed(BufferIndex packet, in Ip4Header ip) =>
        (Buffers.Header(packet).Flags & BufferFlags.LocallyOriginated) == BufferFlags.None
        && Dispatcher.Tables.LookUp(ip.Source).Kind == AdjacencyKind.Receive;
}
