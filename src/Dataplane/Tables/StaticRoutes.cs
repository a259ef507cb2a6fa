using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The routes that a person has added, each by way of a next hop. Belongs to the control thread.</summary>
/// <remarks>
/// A route leads to its next hop as long as that is another router on a connected network that is up. Else it stays where it is,
/// unresolved: what is for its prefix must not go by a shorter one, such as the default route.
/// </remarks>
internal sealed class StaticRoutes(ForwardingTables tables, Ip4Rib rib, NeighborTable neighbors)
{
    private readonly Dictionary<Ip4Prefix, StaticRoute> _routes = [];

    /// <summary>Where the route to a prefix leads, and by which interface while it leads anywhere; null if there is no such route.</summary>
    public (Ip4Address NextHop, Interface? Link)? Find(Ip4Prefix prefix) =>
        _routes.TryGetValue(prefix, out StaticRoute? route) ? (route.NextHop, route.Link) : null;

    public void Set(Ip4Prefix prefix, Ip4Address nextHop)
    {
        if (!_routes.TryGetValue(prefix, out StaticRoute? route))
        {
            route = new StaticRoute();
            _routes.Add(prefix, route);
        }

        Lead(prefix, route, nextHop, LinkTo(nextHop));
        tables.Publish();
    }

    public bool Remove(Ip4Prefix prefix)
    {
        if (!_routes.Remove(prefix, out StaticRoute? route))
        {
            return false;
        }

        rib.Remove(prefix, RouteSource.Static);
        LetGo(route.Link, route.NextHop);
        tables.Publish();
        return true;
    }

    /// <summary>Looks again where each next hop is, after connected networks or own addresses have come or gone.</summary>
    public void ResolveAll()
    {
        foreach ((Ip4Prefix prefix, StaticRoute route) in _routes)
        {
            if (LinkTo(route.NextHop) is var link && link != route.Link)
            {
                Lead(prefix, route, route.NextHop, link);
            }
        }

        tables.Publish();
    }

    /// <summary>The interface that another router is reached by; null if the address is on no network now, or this router's own.</summary>
    private Interface? LinkTo(Ip4Address nextHop) => tables.LinkTo(nextHop) is { IsRouting: true } link ? link : null;

    /// <summary>Has a route lead elsewhere, or nowhere. The old way is let go after the new one is there: in between no packet finds none.</summary>
    private void Lead(Ip4Prefix prefix, StaticRoute route, Ip4Address nextHop, Interface? link)
    {
        (Ip4Address oldNextHop, Interface? oldLink) = (route.NextHop, route.Link);
        (route.NextHop, route.Link) = (nextHop, link);
        rib.Add(prefix, RouteSource.Static, link is null ? AdjacencyTable.Unresolved : neighbors.Require(link, nextHop));
        LetGo(oldLink, oldNextHop);
    }

    private void LetGo(Interface? link, Ip4Address nextHop)
    {
        if (link is not null)
        {
            neighbors.Release(link, nextHop);
        }
    }

    private sealed class StaticRoute
    {
        public Ip4Address NextHop { get; set; }

        /// <summary>The interface that its next hop is reached by, null while there is none.</summary>
        public Interface? Link { get; set; }
    }
}
