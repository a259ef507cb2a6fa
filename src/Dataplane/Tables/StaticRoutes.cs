using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The routes that a person has added, each by way of a next hop. Belongs to the control thread.</summary>
/// <remarks>A route counts as long as its next hop lies on a connected network that is up.</remarks>
internal sealed class StaticRoutes(ForwardingTables tables, Ip4Rib rib, NeighborTable neighbors)
{
    private readonly Dictionary<Ip4Prefix, Route> _routes = [];

    /// <summary>Where the route to a prefix leads, and by which interface while it leads anywhere; null if there is no such route.</summary>
    public (Ip4Address NextHop, Interface? Link)? Find(Ip4Prefix prefix) =>
        _routes.TryGetValue(prefix, out Route? route) ? (route.NextHop, route.Link) : null;

    public void Set(Ip4Prefix prefix, Ip4Address nextHop)
    {
        _ = Remove(prefix);
        Route route = new(nextHop);
        _routes.Add(prefix, route);
        Resolve(prefix, route);
        tables.Publish();
    }

    public bool Remove(Ip4Prefix prefix)
    {
        if (!_routes.Remove(prefix, out Route? route))
        {
            return false;
        }

        Withdraw(prefix, route);
        tables.Publish();
        return true;
    }

    /// <summary>Looks again where each next hop is, after connected networks have come or gone.</summary>
    public void ResolveAll()
    {
        foreach ((Ip4Prefix prefix, Route route) in _routes)
        {
            if (tables.LinkTo(route.NextHop) != route.Link)
            {
                Withdraw(prefix, route);
                Resolve(prefix, route);
            }
        }

        tables.Publish();
    }

    private void Resolve(Ip4Prefix prefix, Route route)
    {
        if (tables.LinkTo(route.NextHop) is { } link)
        {
            route.Link = link;
            rib.Add(prefix, RouteSource.Static, neighbors.Require(link, route.NextHop));
        }
    }

    private void Withdraw(Ip4Prefix prefix, Route route)
    {
        if (route.Link is { } link)
        {
            rib.Remove(prefix, RouteSource.Static);
            route.Link = null;
            neighbors.Release(link, route.NextHop);
        }
    }

    private sealed class Route(Ip4Address nextHop)
    {
        public Ip4Address NextHop => nextHop;

        /// <summary>The interface that its next hop is reached by, null while there is none.</summary>
        public Interface? Link { get; set; }
    }
}
