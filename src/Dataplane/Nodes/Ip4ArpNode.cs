using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ip4-arp and ip4-glean: the next hop's Ethernet address is not known yet, so the packet waits. Next: ip4-neighbor-wait.
/// </summary>
/// <remarks>As in VPP these are two nodes: ip4-glean serves hosts of a connected network, ip4-arp the next hops of routes.</remarks>
internal sealed class Ip4ArpNode(Dispatcher dispatcher, string name, Ip4NeighborWaitNode wait)
    : InternalNode(dispatcher, name)
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            Adjacency adjacency = Dispatcher.Tables.Adjacencies[Buffers.Header(packet).Adjacency];
            Ip4Address nextHop = adjacency.Kind == AdjacencyKind.Glean
                ? Buffers.PacketHeader<Ip4Header>(packet).Destination
                : adjacency.NextHop;
            wait.Hold(packet, adjacency, nextHop);
        }
    }
}
