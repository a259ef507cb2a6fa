using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>One prefix of the IPv4 forwarding table and what becomes of its packets.</summary>
/// <param name="Prefix">The destinations it covers.</param>
/// <param name="AdjacencyIndex">The adjacency's slot; equal for prefixes that share one.</param>
/// <param name="Adjacency">Where packets go.</param>
/// <param name="UnresolvedNextHop">The next hop that is on no network now, if the adjacency is unresolved.</param>
public readonly record struct FibEntry(Ip4Prefix Prefix, int AdjacencyIndex, Adjacency Adjacency, Ip4Address? UnresolvedNextHop);
