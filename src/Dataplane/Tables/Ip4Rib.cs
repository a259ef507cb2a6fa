using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>Who has a route to a prefix, the best first, in VPP's order (vnet/fib/fib_source.h).</summary>
internal enum RouteSource
{
    /// <summary>The addresses of an interface.</summary>
    Interface,

    /// <summary>A person.</summary>
    Static,

    /// <summary>A neighbor, for its own address.</summary>
    Neighbor,
}

/// <summary>The routing information base: everybody's routes, of which the best to each prefix is in the forwarding table.</summary>
/// <remarks>Belongs to the control thread. A source has at most one route to a prefix, and touches no other source's.</remarks>
internal sealed class Ip4Rib(ForwardingTables tables, Func<IDisposable> park)
{
    private static readonly RouteSource[] s_bestFirst = Enum.GetValues<RouteSource>();

    private readonly Dictionary<(Ip4Prefix Prefix, RouteSource Source), int> _routes = [];

    /// <summary>Adds a source's route, or replaces the one that it has.</summary>
    public void Add(Ip4Prefix prefix, RouteSource source, int adjacency)
    {
        _routes[(prefix, source)] = adjacency;
        Publish(prefix);
    }

    /// <summary>Removes a source's route, if it has one. No packet that is looked up from now on finds its adjacency.</summary>
    public void Remove(Ip4Prefix prefix, RouteSource source)
    {
        if (_routes.Remove((prefix, source)))
        {
            Publish(prefix);
        }
    }

    private void Publish(Ip4Prefix prefix)
    {
        foreach (RouteSource source in s_bestFirst)
        {
            if (_routes.TryGetValue((prefix, source), out int adjacency))
            {
                tables.Fib.Add(prefix, adjacency);
                return;
            }
        }

        _ = tables.Fib.Remove(prefix);
        if (tables.Fib.HasEmptiedPlies)
        {
            using (park())
            {
                tables.Fib.FreeEmptiedPlies();
            }
        }
    }
}
