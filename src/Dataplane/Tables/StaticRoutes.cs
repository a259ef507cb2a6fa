using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The routes that a person has added, each by way of a next hop. Belongs to the control thread.</summary>
/// <remarks>A route is in the forwarding table as long as its next hop lies on a connected network that is up.</remarks>
internal sealed class StaticRoutes(ForwardingTables tables, NeighborTable neighbors)
{
    private readonly Dictionary<Ip4Prefix, Route> _routes = [];

    public bool Contains(Ip4Prefix prefix) => _routes.ContainsKey(prefix);

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
            Adjacency? link = FindLink(route.NextHop);
            if (link?.Interface != route.Link)
            {
                Withdraw(prefix, route);
                Resolve(prefix, route);
            }
        }

        tables.Publish();
    }

    private void Resolve(Ip4Prefix prefix, Route route)
    {
        if (FindLink(route.NextHop) is { Interface: { } link } glean)
        {
            route.Link = link;
            tables.Fib.Add(prefix, neighbors.Require(link, route.NextHop, glean.Source));
        }
    }

    private void Withdraw(Ip4Prefix prefix, Route route)
    {
        if (route.Link is { } link)
        {
            _ = tables.Fib.Remove(prefix);
            route.Link = null;
            neighbors.Release(link, route.NextHop);
        }
    }

    /// <summary>The glean adjacency of the longest connected network that contains a next hop.</summary>
    private Adjacency? FindLink(Ip4Address nextHop) => tables.Fib.Routes
        .Where(route => route.Key.Contains(nextHop))
        .Select(route => (route.Key.Length, Adjacency: tables.Adjacencies[(uint)route.Value]))
        .Where(route => route.Adjacency.Kind == AdjacencyKind.Glean)
        .OrderByDescending(route => route.Length)
        .Select(route => route.Adjacency)
        .FirstOrDefault();

    private sealed class Route(Ip4Address nextHop)
    {
        public Ip4Address NextHop => nextHop;

        /// <summary>The interface that its next hop is reached by, null while there is none.</summary>
        public Interface? Link { get; set; }
    }
}
