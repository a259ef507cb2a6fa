using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The routes that an interface's addresses imply. Belongs to the control thread.</summary>
/// <remarks>
/// As VPP lists them, while the interface is up and not in L2 mode: the connected network (glean), each own address (receive), and the network
/// and broadcast address of each network that has them, /31 has not (RFC 3021): dropped.
/// </remarks>
internal sealed class ConnectedRoutes(ForwardingTables tables, Ip4Rib rib, Func<IDisposable> park)
{
    private readonly Dictionary<Interface, Dictionary<Ip4Prefix, int>> _installed = [];

    /// <summary>Makes the routes of an interface what its addresses and state ask for.</summary>
    public void Update(Interface link)
    {
        Dictionary<Ip4Prefix, int> installed = _installed.GetValueOrDefault(link) ?? [];
        Dictionary<Ip4Prefix, Adjacency?> wanted = link.IsRouting ? Wanted(link) : [];
        foreach ((Ip4Prefix prefix, Adjacency? adjacency) in wanted)
        {
            Install(installed, prefix, adjacency);
        }

        RemoveRoutes(installed, [.. installed.Keys.Where(prefix => !wanted.ContainsKey(prefix))]);
        _installed[link] = installed;
        tables.Publish();
    }

    /// <summary>Takes an interface's routes away for good.</summary>
    public void Remove(Interface link)
    {
        Update(link);
        _ = _installed.Remove(link);
    }

    /// <summary>What one interface's addresses imply; null stands for the shared adjacency that drops.</summary>
    private static Dictionary<Ip4Prefix, Adjacency?> Wanted(Interface link)
    {
        Dictionary<Ip4Prefix, Adjacency?> routes = [];
        foreach (Ip4Prefix address in link.Addresses)
        {
            Ip4Prefix network = new(address.Network, address.Length);
            if (address.Length < 32)
            {
                _ = routes.TryAdd(network, Glean(link, address));
            }

            if (address.Length < 31)
            {
                _ = routes.TryAdd(new Ip4Prefix(address.Network, 32), null);
                _ = routes.TryAdd(new Ip4Prefix(address.DirectedBroadcast, 32), null);
            }
        }

        foreach (Ip4Prefix address in link.Addresses)
        {
            routes[new Ip4Prefix(address.Address, 32)] =
                new Adjacency(AdjacencyKind.Receive, link) { NextHop = address.Address };
        }

        return routes;
    }

    private static Adjacency Glean(Interface link, Ip4Prefix address) => new(AdjacencyKind.Glean, link)
    {
        Source = address,
        EthernetHeader = new EthernetHeader
        {
            Destination = MacAddress.Broadcast,
            Source = link.MacAddress,
            Type = EtherType.Arp,
        },
    };

    private void Install(Dictionary<Ip4Prefix, int> installed, Ip4Prefix prefix, Adjacency? adjacency)
    {
        bool exists = installed.TryGetValue(prefix, out int slot);
        if (exists && adjacency is not null && slot != AdjacencyTable.Drop)
        {
            tables.Adjacencies.Replace(slot, adjacency);
            return;
        }

        if (exists && adjacency is null == (slot == AdjacencyTable.Drop))
        {
            return;
        }

        int added = adjacency is null ? AdjacencyTable.Drop : tables.Adjacencies.Add(adjacency);
        rib.Add(prefix, RouteSource.Interface, added);
        if (exists)
        {
            using (park())
            {
                RemoveAdjacency(installed, prefix);
            }
        }

        installed[prefix] = added;
    }

    private void RemoveRoutes(Dictionary<Ip4Prefix, int> installed, Ip4Prefix[] obsolete)
    {
        if (obsolete.Length == 0)
        {
            return; // most interfaces that go have none, and the workers need not stop for each
        }

        using (park())
        {
            foreach (Ip4Prefix prefix in obsolete)
            {
                rib.Remove(prefix, RouteSource.Interface);
                RemoveAdjacency(installed, prefix);
            }
        }
    }

    private void RemoveAdjacency(Dictionary<Ip4Prefix, int> installed, Ip4Prefix prefix)
    {
        if (installed.Remove(prefix, out int slot) && slot != AdjacencyTable.Drop)
        {
            tables.Adjacencies.Remove(slot);
        }
    }
}
