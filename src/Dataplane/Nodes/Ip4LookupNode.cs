using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ip4-lookup: finds where the destination leads. Next: ip4-rewrite, ip4-local, ip4-glean, ip4-arp, ip4-icmp-error.
/// </summary>
/// <remarks>
/// What the router itself sends (echo replies, ICMP errors) comes here too, so packets go in a circle; for this reason it
/// gets its edges by <see cref="Connect"/>, when the nodes behind it exist.
/// </remarks>
internal sealed class Ip4LookupNode(Dispatcher dispatcher) : InternalNode(dispatcher, "ip4-lookup")
{
    private InternalNode _local = null!;
    private InternalNode _glean = null!;
    private InternalNode _arp = null!;
    private InternalNode _rewrite = null!;
    private InternalNode _icmpError = null!;

    public void Connect(InternalNode local, InternalNode glean, InternalNode arp, InternalNode rewrite, InternalNode icmpError) =>
        (_local, _glean, _arp, _rewrite, _icmpError) = (local, glean, arp, rewrite, icmpError);

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        ForwardingTables tables = Dispatcher.Tables;
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            header.Adjacency = tables.Fib.Lookup(Buffers.PacketHeader<Ip4Header>(packet).Destination);
            Adjacency adjacency = tables.Adjacencies[header.Adjacency];
            adjacency.Count(Dispatcher.Worker, (uint)Buffers.PacketBytes(packet));
            Send(packet, adjacency.Kind);
        }
    }

    private void Send(BufferIndex packet, AdjacencyKind kind)
    {
        switch (kind)
        {
            case AdjacencyKind.Rewrite:
                _rewrite.Enqueue(packet);
                break;
            case AdjacencyKind.Receive:
                _local.Enqueue(packet);
                break;
            case AdjacencyKind.Glean:
                _glean.Enqueue(packet);
                break;
            case AdjacencyKind.Incomplete:
                _arp.Enqueue(packet);
                break;
            case AdjacencyKind.Unreachable:
                Reject(packet, Reason.Ip4LookupMiss, IcmpError.NetUnreachable, _icmpError);
                break;
            case AdjacencyKind.Unresolved:
                Reject(packet, Reason.Ip4NextHopUnresolved, IcmpError.NetUnreachable, _icmpError);
                break;
            default:
                Drop(packet, Reason.Ip4NotForwarded);
                break;
        }
    }
}
