using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The neighbors: learned from ARP, set by a person, or only wanted by a route. Belongs to the control thread.</summary>
/// <remarks>
/// <para>A neighbor has one adjacency, which its own /32 and all routes by way of it share. Its states:</para>
/// <list type="table">
/// <item><term>wanted</term><description>a route leads here, the Ethernet address is unknown: incomplete adjacency, no /32</description></item>
/// <item><term>known</term><description>rewrite adjacency and /32; leaves by <see cref="Age"/> or removal: to wanted, or away</description></item>
/// <item><term>static</term><description>known, and neither ARP nor time changes it</description></item>
/// </list>
/// <para>
/// RFC 1122, 2.3.2.1: what has not been confirmed for a minute is asked by unicast, three times at a second's distance,
/// and forgotten if it does not answer.
/// </para>
/// </remarks>
internal sealed class NeighborTable(ForwardingTables tables, Ip4Rib rib, Func<IDisposable> park)
{
    /// <summary>VPP's limit.</summary>
    public const int MaxNeighbors = 50_000;
    public const long MaxAgeNanoseconds = 60_000_000_000;
    public const long ProbeIntervalNanoseconds = 1_000_000_000;
    public const int MaxProbes = 3;

    private readonly Dictionary<(Interface Interface, Ip4Address Address), Entry> _entries = [];
    private long _nextAgeing;

    /// <summary>The neighbors whose Ethernet address is known.</summary>
    public IEnumerable<Neighbor> Known => _entries.Values.Where(entry => entry.IsKnown).Select(entry => entry.ToNeighbor());

    /// <summary>Notes what ARP told. Silently ignored: what is no longer on that link, and one neighbor too many.</summary>
    public void Learn(Interface link, Ip4Address address, MacAddress macAddress, long now)
    {
        if (!link.IsRouting || !link.HasHost(address))
        {
            return;
        }

        if (!_entries.TryGetValue((link, address), out Entry? entry))
        {
            if (_entries.Count >= MaxNeighbors)
            {
                return;
            }

            entry = Create(link, address);
        }

        if (!entry.IsStatic)
        {
            Confirm(entry, macAddress, now);
        }
    }

    public void SetStatic(Interface link, Ip4Address address, MacAddress macAddress, long now)
    {
        if (!_entries.TryGetValue((link, address), out Entry? entry))
        {
            entry = Create(link, address);
        }

        Confirm(entry, macAddress, now);
        entry.IsStatic = true;
    }

    /// <summary>Removes a neighbor, learned or static. Returns false if it is not known.</summary>
    public bool Remove(Interface link, Ip4Address address)
    {
        if (!_entries.TryGetValue((link, address), out Entry? entry) || !entry.IsKnown)
        {
            return false;
        }

        Forget(entry);
        return true;
    }

    /// <summary>Removes what an interface no longer needs: neighbors for which <paramref name="condition"/> holds.</summary>
    public void RemoveWhere(Func<Interface, Ip4Address, bool, bool> condition)
    {
        Forget([.. _entries.Values.Where(e => e.IsKnown && condition(e.Interface, e.Address, e.IsStatic))]);
    }

    /// <summary>Takes away the routes to an interface's neighbors while it is down, and brings them back.</summary>
    public void FollowLink(Interface link)
    {
        foreach (Entry entry in _entries.Values.Where(entry => entry.Interface == link))
        {
            Route(entry);
        }
    }

    /// <summary>The adjacency of a route's next hop, made if need be. Paired with <see cref="Release"/>.</summary>
    public int Require(Interface link, Ip4Address address)
    {
        if (!_entries.TryGetValue((link, address), out Entry? entry))
        {
            entry = Create(link, address);
            entry.Slot = tables.Adjacencies.Add(Incomplete(entry));
        }

        entry.RouteCount++;
        return entry.Slot;
    }

    /// <summary>A route no longer leads to this next hop, and the forwarding table no longer names it.</summary>
    public void Release(Interface link, Ip4Address address)
    {
        Entry entry = _entries[(link, address)];
        entry.RouteCount--;
        if (entry.RouteCount == 0 && !entry.IsKnown)
        {
            Delete(entry);
        }
    }

    /// <summary>Makes the adjacencies of an interface anew after its Ethernet address or MTU has changed.</summary>
    public void Refresh(Interface link)
    {
        foreach (Entry entry in _entries.Values.Where(entry => entry.Interface == link))
        {
            tables.Adjacencies.Replace(entry.Slot, entry.IsKnown ? Complete(entry) : Incomplete(entry));
        }
    }

    /// <summary>Asks those that have been silent for long, and forgets those that stay silent.</summary>
    /// <param name="now">The clock, in nanoseconds.</param>
    /// <param name="probe">Has one asked; false: no more can be for now, and the others' turn comes with the next round.</param>
    public void Age(long now, Func<Neighbor, bool> probe)
    {
        if (now < _nextAgeing)
        {
            return;
        }

        _nextAgeing = now + (ProbeIntervalNanoseconds / 10);
        List<Entry> dead = [];
        foreach (Entry entry in _entries.Values)
        {
            if (!entry.IsKnown || entry.IsStatic || now - entry.UpdatedAt < MaxAgeNanoseconds || now < entry.NextProbe)
            {
                continue;
            }

            if (entry.Probes == MaxProbes)
            {
                dead.Add(entry);
                continue;
            }

            if (!probe(entry.ToNeighbor()))
            {
                break;
            }

            entry.Probes++;
            entry.NextProbe = now + ProbeIntervalNanoseconds;
        }

        Forget(dead);
    }

    private static Adjacency Complete(Entry entry) => new(AdjacencyKind.Rewrite, entry.Interface)
    {
        NextHop = entry.Address,
        EthernetHeader = new EthernetHeader
        {
            Destination = entry.MacAddress,
            Source = entry.Interface.MacAddress,
            Type = EtherType.Ip4,
        },
    };

    private static Adjacency Incomplete(Entry entry) => new(AdjacencyKind.Incomplete, entry.Interface) { NextHop = entry.Address };

    private Entry Create(Interface link, Ip4Address address)
    {
        Entry entry = new(link, address);
        _entries.Add((link, address), entry);
        return entry;
    }

    private void Confirm(Entry entry, MacAddress macAddress, long now)
    {
        (entry.UpdatedAt, entry.Probes, entry.NextProbe) = (now, 0, 0);
        if (entry.IsKnown && entry.MacAddress == macAddress)
        {
            return;
        }

        bool isNew = !entry.IsKnown;
        (entry.IsKnown, entry.MacAddress) = (true, macAddress);
        if (entry.Slot < 0)
        {
            entry.Slot = tables.Adjacencies.Add(Complete(entry));
        }
        else
        {
            tables.Adjacencies.Replace(entry.Slot, Complete(entry));
        }

        if (isNew)
        {
            Route(entry);
        }

        tables.Publish();
    }

    /// <summary>A neighbor has a route to its own address as long as it is known and its interface routes.</summary>
    private void Route(Entry entry)
    {
        Ip4Prefix prefix = new(entry.Address, 32);
        if (entry.IsKnown && entry.Interface.IsRouting)
        {
            rib.Add(prefix, RouteSource.Neighbor, entry.Slot);
        }
        else
        {
            rib.Remove(prefix, RouteSource.Neighbor);
        }
    }

    /// <summary>Forgets any number with the workers parked once.</summary>
    private void Forget(IReadOnlyCollection<Entry> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }

        using (park())
        {
            foreach (Entry entry in entries)
            {
                Forget(entry);
            }
        }
    }

    private void Forget(Entry entry)
    {
        (entry.IsKnown, entry.IsStatic) = (false, false);
        (entry.UpdatedAt, entry.Probes, entry.NextProbe) = (0, 0, 0);
        Route(entry);
        tables.Publish();
        if (entry.RouteCount == 0)
        {
            Delete(entry);
        }
        else
        {
            tables.Adjacencies.Replace(entry.Slot, Incomplete(entry));
        }
    }

    private void Delete(Entry entry)
    {
        _ = _entries.Remove((entry.Interface, entry.Address));
        using (park())
        {
            tables.Adjacencies.Remove(entry.Slot);
        }
    }

    private sealed class Entry(Interface link, Ip4Address address)
    {
        public Interface Interface => link;

        public Ip4Address Address => address;

        public bool IsKnown { get; set; }

        public bool IsStatic { get; set; }

        public MacAddress MacAddress { get; set; }

        public long UpdatedAt { get; set; }

        /// <summary>Unicast requests sent since it was last confirmed.</summary>
        public int Probes { get; set; }

        public long NextProbe { get; set; }

        /// <summary>Its adjacency, -1 as long as there is none.</summary>
        public int Slot { get; set; } = -1;

        /// <summary>Routes that have it as their next hop.</summary>
        public int RouteCount { get; set; }

        public Neighbor ToNeighbor() => new(Interface, Address, MacAddress, IsStatic, UpdatedAt);
    }
}
