using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ip4-rewrite: counts the TTL down and puts the neighbor's Ethernet header in front. Next: interface-output, ip4-frag,
/// ip4-icmp-error, ip4-lookup.
/// </summary>
internal sealed class Ip4RewriteNode(
    Dispatcher dispatcher, InternalNode interfaceOutput, InternalNode fragment, InternalNode icmpError, InternalNode lookup)
    : InternalNode(dispatcher, "ip4-rewrite")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
            Adjacency adjacency = Dispatcher.Tables.Adjacencies[header.Adjacency];
            if (adjacency.Kind != AdjacencyKind.Rewrite)
            {
                lookup.Enqueue(packet); // the neighbor was forgotten after the lookup, and its slot replaced
                continue;
            }

            bool forwarded = (header.Flags & BufferFlags.LocallyOriginated) == BufferFlags.None;
            if (forwarded && ip.TimeToLive <= 1)
            {
                Reject(packet, Reason.Ip4TtlExpired, IcmpError.TimeExceeded, icmpError);
                continue;
            }

            bool segmented = (header.Flags & BufferFlags.SegmentTcp) != BufferFlags.None; // the NIC makes short packets of it
            if (!segmented && Buffers.PacketBytes(packet) > adjacency.Mtu)
            {
                SendTooLong(packet, in ip, adjacency.Mtu);
                continue;
            }

            if (forwarded)
            {
                CountDown(ref ip);
            }

            Buffers.Advance(packet, -EthernetHeader.Size);
            Buffers.PacketHeader<EthernetHeader>(packet) = adjacency.RewriteHeader;
            header.TxInterface = adjacency.InterfaceIndex;
            interfaceOutput.Enqueue(packet);
        }
    }

    // Before the TTL is counted down: the error quotes the packet as it came, and each fragment comes back here.
    private void SendTooLong(BufferIndex packet, in Ip4Header ip, int mtu)
    {
        if ((ip.FlagsAndFragmentOffset & Ip4Header.DontFragment) != 0)
        {
            Reject(packet, Reason.Ip4MtuExceeded, IcmpError.FragmentationNeeded(mtu), icmpError);
        }
        else
        {
            fragment.Enqueue(packet);
        }
    }

    /// <summary>RFC 1812, 5.3.1; the checksum follows by RFC 1624. TTL and protocol share the word that changes.</summary>
    private static void CountDown(ref Ip4Header ip)
    {
        ushort before = new Be16((ushort)((ip.TimeToLive << 8) | ip.Protocol)).Raw;
        ip.TimeToLive--;
        ushort after = new Be16((ushort)((ip.TimeToLive << 8) | ip.Protocol)).Raw;
        ip.Checksum = Be16.FromRaw(Checksum.Adjust(ip.Checksum.Raw, before, after));
    }
}
