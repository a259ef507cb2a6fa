using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>What becomes of a packet that a lookup gave this adjacency. VPP's word for each is the DPO in brackets.</summary>
public enum AdjacencyKind
{
    /// <summary>Silently dropped: broadcast, multicast and reserved addresses (dpo-drop).</summary>
    Drop,

    /// <summary>No route: dropped and answered with "network unreachable" (dpo-drop).</summary>
    Unreachable,

    /// <summary>A route whose next hop is on no network now: dropped and answered with "network unreachable" (dpo-drop).</summary>
    Unresolved,

    /// <summary>For this router (dpo-receive).</summary>
    Receive,

    /// <summary>On a connected network, the host not known yet (ipv4-glean).</summary>
    Glean,

    /// <summary>Towards a next hop whose Ethernet address is not known yet (arp-ipv4).</summary>
    Incomplete,

    /// <summary>Towards a next hop whose Ethernet address is known (ipv4 via …).</summary>
    Rewrite,
}

/// <summary>Where a route leads: to this router, to a neighbor with its Ethernet header ready, or nowhere.</summary>
/// <remarks>
/// All but the counters never change, so a worker reads an adjacency without a lock: a neighbor that gets another
/// Ethernet address gets another object in the same slot of the adjacency table.
/// </remarks>
public sealed class Adjacency
{
    internal Adjacency(AdjacencyKind kind, Interface? egress = null)
    {
        Kind = kind;
        Interface = egress;
        InterfaceIndex = (uint)(egress?.Index ?? 0);
        Mtu = egress?.Mtu ?? 0;
    }

    public AdjacencyKind Kind { get; }

    /// <summary>The interface it leads out of, or for <see cref="AdjacencyKind.Receive"/> the one that owns the address.</summary>
    public Interface? Interface { get; }

    /// <summary>Receive: the address itself. Incomplete and rewrite: the neighbor.</summary>
    public Ip4Address NextHop { get; internal init; }

    /// <summary>Glean: the own address on that network, with its prefix length.</summary>
    public Ip4Prefix Source { get; internal init; }

    /// <summary>The longest IPv4 packet that may go this way, in bytes.</summary>
    public int Mtu { get; }

    /// <summary>Rewrite: the Ethernet header to put in front. Glean: that of an ARP request.</summary>
    public EthernetHeader Rewrite => _rewrite;

    /// <summary>Packets that a lookup gave it.</summary>
    public ulong Packets => _counts.Aggregate(0UL, (sum, worker) => sum + worker.Packets);

    /// <summary>Their bytes, from the IPv4 header on.</summary>
    public ulong Bytes => _counts.Aggregate(0UL, (sum, worker) => sum + worker.Bytes);

    internal EthernetHeader EthernetHeader
    {
        init => _rewrite = value;
    }

    internal uint InterfaceIndex { get; }

    private readonly EthernetHeader _rewrite;
    private WorkerCounts[] _counts = [];

    /// <summary>Makes it ready to be counted for so many workers, each in a place of its own. Before a worker can find it.</summary>
    internal void CountFor(int workers) => _counts = new WorkerCounts[workers];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Count(int worker, uint bytes)
    {
        ref WorkerCounts counts = ref _counts[worker];
        counts.Packets++;
        counts.Bytes += bytes;
    }

    /// <summary>True if this is the way to the neighbor <paramref name="address"/> itself, and its Ethernet address is known.</summary>
    internal bool IsNeighbor(Ip4Address address) => Kind == AdjacencyKind.Rewrite && NextHop == address;

    internal ref readonly EthernetHeader RewriteHeader => ref _rewrite;

    [StructLayout(LayoutKind.Sequential, Size = 128)] // two workers' share no cache line
    private struct WorkerCounts
    {
        public ulong Packets;
        public ulong Bytes;
    }
}
