using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>IPv4 as the control thread sees it: addresses, routes, neighbors, and the forwarding table that they make.</summary>
/// <remarks>What is refused changes nothing and throws a <see cref="RouterException"/>.</remarks>
public sealed class Ip4Routing
{
    private readonly ForwardingTables _tables;
    private readonly SpscRing<WorkerRequest> _requests;
    private readonly NeighborTable _neighbors;
    private readonly ConnectedRoutes _connected;
    private readonly StaticRoutes _routes;
    private long _now;

    /// <summary>Makes the routing of a router.</summary>
    /// <param name="tables">What the workers read.</param>
    /// <param name="requests">To the worker that sends ARP requests.</param>
    /// <param name="park">Stops the workers.</param>
    internal Ip4Routing(ForwardingTables tables, SpscRing<WorkerRequest> requests, Func<IDisposable> park)
    {
        (_tables, _requests) = (tables, requests);
        Ip4Rib rib = new(tables, park);
        _neighbors = new NeighborTable(tables, rib, park);
        _connected = new ConnectedRoutes(tables, rib, park);
        _routes = new StaticRoutes(tables, rib, _neighbors);
    }

    /// <summary>All prefixes of the IPv4 forwarding table, sorted by address, then length.</summary>
    public IReadOnlyList<FibEntry> FibEntries =>
    [
        .. _tables.Fib.Routes
            .Select(route => new FibEntry(
                route.Key,
                route.Value,
                _tables.Adjacencies[(uint)route.Value],
                route.Value == AdjacencyTable.Unresolved ? _routes.Find(route.Key)?.NextHop : null))
            .OrderBy(entry => entry.Prefix.Address.Value.Value)
            .ThenBy(entry => entry.Prefix.Length),
    ];

    /// <summary>All neighbors, sorted by interface, then address.</summary>
    public IReadOnlyList<Neighbor> Neighbors =>
    [
        .. _neighbors.Known
            .OrderBy(neighbor => neighbor.Interface.Index)
            .ThenBy(neighbor => neighbor.Address.Value.Value),
    ];

    /// <summary>Gives an interface an address, and announces it.</summary>
    public void AddAddress(Interface target, Ip4Prefix address)
    {
        ArgumentNullException.ThrowIfNull(target);
        AddressRules.Check(target, address, _tables.Interfaces);
        target.Addresses = [.. target.Addresses, address];
        _neighbors.RemoveWhere((_, neighbor, _) => neighbor == address.Address || (address.Contains(neighbor) && !address.ContainsHost(neighbor)));
        UpdateRoutes(target);
        Announce(target, [address]);
    }

    /// <summary>Takes an address away, and the neighbors that were reached by its network.</summary>
    public void RemoveAddress(Interface target, Ip4Prefix address)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!target.Addresses.Contains(address))
        {
            throw new RouterException($"{address} not found for interface {target}");
        }

        target.Addresses = [.. target.Addresses.Where(other => other != address)];
        _neighbors.RemoveWhere((link, neighbor, _) => link == target && target.AddressOnNetworkOf(neighbor) is null);
        UpdateRoutes(target);
    }

    /// <summary>Sets a static neighbor, on a network that the interface has an address of; it is routed to while the interface is up.</summary>
    public void AddNeighbor(Interface target, Ip4Address address, MacAddress macAddress)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!target.IsInL3Mode)
        {
            throw new RouterException($"{target} is in L2 mode: it has no neighbors");
        }

        RequireHostOn(target, address);
        AddressRules.CheckUnicast(macAddress);
        _neighbors.SetStatic(target, address, macAddress, _now);
    }

    public void RemoveNeighbor(Interface target, Ip4Address address)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!_neighbors.Remove(target, address))
        {
            throw new RouterException($"{address} is no neighbor on {target}");
        }
    }

    /// <summary>Forgets all neighbors on an interface (null: on all), learned and static ones.</summary>
    public void FlushNeighbors(Interface? target) => _neighbors.RemoveWhere((link, _, _) => target is null || link == target);

    /// <summary>Adds or replaces the route to <paramref name="prefix"/> by way of a next hop on the network of an interface, up or down.</summary>
    /// <param name="prefix">The destinations.</param>
    /// <param name="nextHop">The router that they are sent to.</param>
    /// <param name="link">The interface that it must be reached by; null: any.</param>
    public void AddRoute(Ip4Prefix prefix, Ip4Address nextHop, Interface? link = null)
    {
        prefix = new Ip4Prefix(prefix.Network, prefix.Length);
        if ((link ?? _tables.LinkTo(nextHop)) is not { } towards)
        {
            throw new RouterException($"{nextHop} is no host of a network that an interface is connected to, so it can't be a next hop");
        }

        RequireHostOn(towards, nextHop);
        if (ForwardingTables.IsReserved(prefix))
        {
            throw new RouterException($"{prefix} is a reserved network: it can't be routed");
        }

        _routes.Set(prefix, nextHop);
    }

    /// <summary>Removes the route to <paramref name="prefix"/>.</summary>
    /// <param name="prefix">The destinations.</param>
    /// <param name="nextHop">Where it must lead for that; null: anywhere.</param>
    /// <param name="link">The interface that it must leave by; null: any.</param>
    public void RemoveRoute(Ip4Prefix prefix, Ip4Address? nextHop = null, Interface? link = null)
    {
        prefix = new Ip4Prefix(prefix.Network, prefix.Length);
        if (_routes.Find(prefix) is not { } route)
        {
            throw new RouterException($"there is no route to {prefix} that could be removed");
        }

        bool isMeant = (nextHop ?? route.NextHop) == route.NextHop && (link is null || route.Link is null || link == route.Link);
        if (!isMeant)
        {
            throw new RouterException($"the route to {prefix} leads via {route.NextHop} {route.Link}".TrimEnd());
        }

        _ = _routes.Remove(prefix);
    }

    /// <summary>Lets routes and neighbors follow an interface that has come up or gone down, and announces its addresses.</summary>
    /// <remarks>While it is down it has no routes, and keeps static neighbors only.</remarks>
    internal void FollowState(Interface target)
    {
        if (!target.IsAdminUp)
        {
            _neighbors.RemoveWhere((link, _, isStatic) => link == target && !isStatic);
        }

        Follow(target);
    }

    /// <summary>Lets them follow an interface into L2 mode, where it keeps its addresses, but has no routes and no neighbors, and back.</summary>
    internal void FollowMode(Interface target)
    {
        if (!target.IsInL3Mode)
        {
            _neighbors.RemoveWhere((link, _, _) => link == target);
        }

        Follow(target);
    }

    /// <summary>Announces an interface's new Ethernet address, and sends from it.</summary>
    internal void FollowMacAddress(Interface target)
    {
        RefreshAdjacencies(target);
        Announce(target, target.Addresses);
    }

    /// <summary>Sends no longer packets than an interface may now.</summary>
    internal void FollowMtu(Interface target) => RefreshAdjacencies(target);

    /// <summary>Takes interfaces' routes and neighbors away for good. While the workers are parked, and the interfaces are down.</summary>
    internal void Forget(IReadOnlySet<Interface> removed)
    {
        foreach (Interface link in removed)
        {
            _connected.Remove(link);
        }

        _routes.ResolveAll();
        _neighbors.RemoveWhere((link, _, _) => removed.Contains(link));
    }

    /// <summary>Notes what ARP told.</summary>
    internal void Learn(Interface link, Ip4Address address, MacAddress macAddress, long now) =>
        _neighbors.Learn(link, address, macAddress, now);

    /// <summary>Asks neighbors that have been silent for long, and forgets those that stay silent.</summary>
    /// <param name="now">The clock of <see cref="Router.Maintain"/>.</param>
    internal void Age(long now)
    {
        _now = now;
        _neighbors.Age(now, Probe);
    }

    private static void RequireHostOn(Interface link, Ip4Address address)
    {
        if (!link.HasHost(address))
        {
            throw new RouterException($"{address} is no host of a network that {link} is connected to");
        }
    }

    private void RefreshAdjacencies(Interface target)
    {
        _connected.Update(target);
        _neighbors.Refresh(target);
    }

    private void Follow(Interface target)
    {
        UpdateRoutes(target);
        Announce(target, target.Addresses);
    }

    private void UpdateRoutes(Interface target)
    {
        _connected.Update(target);
        _neighbors.FollowLink(target);
        _routes.ResolveAll();
    }

    /// <summary>Tells the link which Ethernet address own addresses have (RFC 5227, 2.3).</summary>
    private void Announce(Interface target, IEnumerable<Ip4Prefix> addresses)
    {
        foreach (Ip4Prefix address in addresses.Where(_ => target.IsRouting))
        {
            _ = RequestArp(target, address.Address, address.Address, MacAddress.Broadcast);
        }
    }

    private bool Probe(Neighbor neighbor) =>
        RequestArp(neighbor.Interface, neighbor.Interface.AddressTowards(neighbor.Address), neighbor.Address, neighbor.MacAddress);

    /// <summary>Has a worker ask; false if it has too much to do already.</summary>
    private bool RequestArp(Interface link, Ip4Address source, Ip4Address target, MacAddress destination) =>
        _requests.TryAdd(new WorkerRequest(WorkerRequestKind.ArpRequest)
        {
            Interface = link.Index,
            Source = source,
            Destination = target,
            MacAddress = destination,
        });
}
