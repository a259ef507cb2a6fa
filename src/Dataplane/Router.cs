using Verbena.Dataplane.L2;
using Verbena.Dataplane.Ping;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The data plane as the control thread sees it: interfaces, addresses, neighbors, counters, ping.</summary>
/// <remarks>
/// One thread at a time calls it, the control thread; others run the <see cref="Workers"/>. Reading never stops them.
/// What it refuses changes nothing and throws a <see cref="RouterException"/>.
/// </remarks>
public sealed class Router : IDisposable
{
    private readonly ForwardingTables _tables;
    private readonly WorkerSet _workers;
    private readonly RxPlacement _placement;
    private readonly NeighborTable _neighbors;
    private readonly ConnectedRoutes _connected;
    private readonly StaticRoutes _routes;
    private readonly PingSessions _pings;
    private readonly MacAddressPolicy _macAddresses;
    private readonly ReportReader _take; // made once: it is wanted every millisecond
    private long _now;

    /// <summary>Makes a router that originates packets from <paramref name="buffers"/>, where its ports take theirs.</summary>
    /// <param name="buffers">The buffers; they must outlive it.</param>
    /// <param name="workers">How many workers share the work, from 1 to <see cref="BufferPool.MaxCaches"/>.</param>
    /// <param name="macAddresses">Which Ethernet addresses its interfaces may take; null: any.</param>
    public Router(BufferPool buffers, int workers = 1, MacAddressPolicy? macAddresses = null)
    {
        _macAddresses = macAddresses ?? new MacAddressPolicy();
        Buffers = buffers;
        _take = Take;
        _tables = new ForwardingTables(workers);
        _workers = new WorkerSet(workers, buffers, _tables);
        _placement = new RxPlacement(Workers, Park);
        Ip4Rib rib = new(_tables, Park);
        _neighbors = new NeighborTable(_tables, rib, Park);
        _connected = new ConnectedRoutes(_tables, rib, Park);
        _routes = new StaticRoutes(_tables, rib, _neighbors);
        _pings = new PingSessions(_tables, _workers.Requests);
        Reception = new Reception(_macAddresses);
        Bridging = new Bridging(_tables, ParkAndTakeReports, Reception.RequirePromiscuous, FollowMode);
        _tables.SetInterface(0, new Interface("local0", 0, port: null));
    }

    public BufferPool Buffers { get; }

    /// <summary>Which frames ports receive besides those to their interfaces' own addresses.</summary>
    public Reception Reception { get; }

    /// <summary>Interfaces in L2 mode: bridge domains and cross-connects.</summary>
    public Bridging Bridging { get; }

    /// <summary>They move the packets: for each, some thread has to call its <see cref="Worker.RunOnce"/> again and again.</summary>
    public IReadOnlyList<Worker> Workers => _workers.All;

    /// <summary>True while no worker looks for packets: all wait to be told of some.</summary>
    public bool AllWorkersSleep => _workers.AllSleep;

    /// <summary>All receive queues, in the order in which their interfaces were made, with the workers that poll them.</summary>
    public IReadOnlyList<PlacedQueue> RxQueues => _placement.Queues;

    /// <summary>All interfaces by ascending index, <c>local0</c> first.</summary>
    public IReadOnlyList<Interface> Interfaces => [.. _tables.Interfaces.ToArray().OfType<Interface>()];

    /// <summary>All prefixes of the IPv4 forwarding table, sorted by address, then length.</summary>
    public IReadOnlyList<FibEntry> FibEntries =>
    [
        .. _tables.Fib.Routes
            .Select(route => new FibEntry(route.Key, route.Value, _tables.Adjacencies[(uint)route.Value]))
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

    /// <summary>The counters of <c>show errors</c> that are not zero, in the order of their nodes, summed over the workers.</summary>
    public IReadOnlyList<ErrorCount> Errors => _workers.Errors;

    /// <summary>Stops the workers between two turns until the result is disposed. May be nested.</summary>
    public IDisposable Park() => _workers.Park();

    /// <summary>The interface with exactly this name, or null.</summary>
    public Interface? FindInterface(string name) =>
        Interfaces.FirstOrDefault(candidate => string.Equals(candidate.Name, name, StringComparison.Ordinal));

    /// <summary>Puts an interface on a port, down, under the port's name. The port stays the caller's to dispose, after <see cref="Remove"/>.</summary>
    public Interface AddInterface(Port port)
    {
        ArgumentNullException.ThrowIfNull(port);
        CheckName(port.Name);
        if (port.TxQueues.Count < Workers.Count)
        {
            throw new RouterException($"{port.Name} has fewer transmit queues than there are workers: each needs one of its own");
        }

        return Add(new Interface(port.Name, _tables.FreeInterfaceIndex(), port));
    }

    /// <summary>Makes an interface of those frames of another's port that have certain VLAN tags, down, named <c>PARENT.ID</c>.</summary>
    public Interface AddSubInterface(Interface parent, int id, VlanMatch match)
    {
        ArgumentNullException.ThrowIfNull(parent);
        CheckMatch(parent, match);
        Interface added = new(parent, _tables.FreeInterfaceIndex(), id, match);
        CheckName(added.Name);
        _ = Add(added);
        parent.SubInterfaceTable = parent.SubInterfaceTable.With(added); // now that workers may find it
        return added;
    }

    /// <summary>Makes an interface without a port, down: it can be the BVI of a bridge domain.</summary>
    public Interface AddVirtualInterface(string name, MacAddress address)
    {
        CheckName(name);
        AddressRules.CheckUnicast(address);
        Interface added = new(name, _tables.FreeInterfaceIndex(), address);
        _macAddresses.Check(address, added, force: false);
        return Add(added);
    }

    /// <summary>Makes one with the address <paramref name="usual"/> or, where that is not allowed, one that is and is free.</summary>
    public Interface AddVirtualInterfaceWithUsual(string name, MacAddress usual) => AddVirtualInterface(
        name, _macAddresses.Choose(usual, [.. Interfaces.SelectMany(item => item.SecondaryMacAddresses.Append(item.MacAddress))]));

    /// <summary>Takes an interface away, with its addresses, routes, neighbors and the packets that wait for it.</summary>
    public void Remove(Interface target)
    {
        RequireNotLocal0(target);
        foreach (Interface sub in target.SubInterfaces)
        {
            Remove(sub);
        }

        using (ParkAndTakeReports()) // they name interfaces by index, which the next interface may get
        {
            target.IsAdminUp = false;
            Bridging.Forget(target);
            if (target.Parent is { } parent)
            {
                parent.SubInterfaceTable = parent.SubInterfaceTable.Without(target);
            }

            _connected.Remove(target);
            _routes.ResolveAll();
            _neighbors.RemoveWhere((link, _, _) => link == target);
            TakeFromWorkers(target);
            _tables.SetInterface(target.Index, null);
        }
    }

    /// <summary>Sets an interface and its port up or down. A down interface has no routes, and keeps static neighbors only.</summary>
    public void SetAdminUp(Interface target, bool up)
    {
        RequireNotLocal0(target);
        if (target.IsAdminUp == up)
        {
            return;
        }

        if (up && target.Parent is { IsAdminUp: false } parent)
        {
            throw new RouterException($"super-interface {parent} must be up");
        }

        target.Port?.SetAdminUp(up);
        foreach (Interface sub in target.SubInterfaces.Where(_ => !up))
        {
            SetAdminUp(sub, up: false);
        }

        target.IsAdminUp = up;
        if (!up)
        {
            _neighbors.RemoveWhere((link, _, isStatic) => link == target && !isStatic);
        }

        UpdateRoutes(target);
        Announce(target, target.Addresses);
    }

    /// <summary>Gives an interface an address, and announces it.</summary>
    public void AddAddress(Interface target, Ip4Prefix address)
    {
        ArgumentNullException.ThrowIfNull(target);
        AddressRules.Check(target, address, Interfaces);
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

    /// <summary>Gives an interface and its port another Ethernet address, and announces it. A port that refuses keeps the old one.</summary>
    /// <param name="target">Whose it is to be.</param>
    /// <param name="address">The address.</param>
    /// <param name="force">Even if it is Linux's or a group's.</param>
    public void SetMacAddress(Interface target, MacAddress address, bool force = false)
    {
        RequireNotLocal0(target);
        _macAddresses.Check(address, target, force);
        if (target.Parent is { } parent)
        {
            throw new RouterException($"{target} has the Ethernet address of {parent}: change that");
        }

        target.Port?.SetMacAddress(address);
        target.MacAddress = address;
        Bridging.MacAddressChanged(target);
        foreach (Interface changed in target.WithSubInterfaces)
        {
            RefreshAdjacencies(changed);
            Announce(changed, changed.Addresses);
        }
    }

    /// <summary>Lets another worker poll one of an interface's receive queues. No packet is lost, and none overtakes another.</summary>
    public void SetRxPlacement(Interface target, int queue, Worker worker) => _placement.Move(target, queue, worker);

    /// <summary>Says how workers learn of packets in one of an interface's receive queues, or (null) in all.</summary>
    public void SetRxMode(Interface target, int? queue, RxMode mode) => _placement.SetMode(target, queue, mode);

    /// <summary>Sets the longest IPv4 packet that the interface sends, from <see cref="Interface.MinMtu"/> to <see cref="Interface.MaxMtu"/> bytes.</summary>
    public void SetMtu(Interface target, int bytes)
    {
        RequireNotLocal0(target);
        if (bytes < Interface.MinMtu || bytes > target.MaxMtu)
        {
            throw new RouterException($"MTU {bytes} is out of range: {target} can have {Interface.MinMtu} to {target.MaxMtu}");
        }

        target.Mtu = bytes;
        RefreshAdjacencies(target);
    }

    /// <summary>Sets a static neighbor, on a network that the interface is connected to.</summary>
    public void AddNeighbor(Interface target, Ip4Address address, MacAddress macAddress)
    {
        RequireNotLocal0(target);
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

    /// <summary>Adds or replaces the route to <paramref name="prefix"/> by way of a next hop on a connected network.</summary>
    /// <param name="prefix">The destinations.</param>
    /// <param name="nextHop">The router that they are sent to.</param>
    /// <param name="link">The interface that it must be reached by; null: any.</param>
    public void AddRoute(Ip4Prefix prefix, Ip4Address nextHop, Interface? link = null)
    {
        prefix = new Ip4Prefix(prefix.Network, prefix.Length);
        if ((link ?? _tables.LinkTo(nextHop)) is not { } towards)
        {
            throw new RouterException($"{nextHop} is no host of a connected network, so it can't be a next hop");
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

    public void ClearInterfaceCounters()
    {
        foreach (Interface cleared in Interfaces)
        {
            cleared.ClearCounters();
        }
    }

    public void ClearErrors() => _workers.ClearErrors();

    /// <summary>What each worker's nodes have done since <see cref="ClearRuntime"/>.</summary>
    /// <param name="now">The clock of <see cref="Maintain"/>.</param>
    public IReadOnlyList<RuntimeSnapshot> ReadRuntime(long now) => _workers.ReadRuntime(now);

    public void ClearRuntime(long now) => _workers.ClearRuntime(now);

    /// <summary>Starts to ping; <see cref="Maintain"/> carries it on.</summary>
    /// <exception cref="RouterException">The options make no sense: an unknown source, a size that fits no buffer.</exception>
    public PingSession StartPing(PingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return _pings.Start(options);
    }

    /// <summary>Does what is due: records what workers have learned, ages neighbors, sends echo requests. Called every millisecond.</summary>
    /// <param name="now">A monotonic clock in nanoseconds, the same that <see cref="Worker.RunOnce"/> is given.</param>
    public void Maintain(long now)
    {
        _now = now;
        _workers.TakeReports(_take);
        _neighbors.Age(now, Probe);
        Bridging.Age(now);
        _pings.Advance(now);
        _workers.WakeForRequests();
    }

    /// <summary>Removes all interfaces and returns all buffers. The workers' threads must have ended.</summary>
    public void Dispose()
    {
        foreach (Interface removed in Interfaces.Where(candidate => candidate.Index != 0 && candidate.Parent is null)) // sub-interfaces go with their parents
        {
            Remove(removed);
        }
    }

    /// <summary>Refuses a sub-interface of frames that another has.</summary>
    internal static void CheckMatch(Interface parent, VlanMatch match)
    {
        if (parent.Port is null)
        {
            throw new RouterException($"{parent} has no port: it can't have sub-interfaces");
        }

        if (parent.SubInterfaces.FirstOrDefault(other => other.Match!.IsSameAs(match)) is { } taken)
        {
            throw new RouterException($"{taken} has these frames already");
        }
    }

    private static void RequireNotLocal0(Interface target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Index == 0)
        {
            throw new RouterException($"{target} has no port: it stays as it is");
        }
    }

    private void RequireHostOn(Interface link, Ip4Address address)
    {
        if (!_neighbors.IsHostOn(link, address))
        {
            throw new RouterException($"{address} is no host of a network that {link} is connected to");
        }
    }

    private void CheckName(string name)
    {
        if (FindInterface(name) is not null)
        {
            throw new RouterException($"an interface named {name} exists already");
        }
    }

    private Interface Add(Interface added)
    {
        using (Park())
        {
            try
            {
                foreach (Worker worker in Workers)
                {
                    worker.Graph.Add(added);
                }

                _placement.Add(added);
                _tables.SetInterface(added.Index, added);
                return added;
            }
            catch
            {
                TakeFromWorkers(added);
                throw;
            }
        }
    }

    private void TakeFromWorkers(Interface removed)
    {
        _placement.Remove(removed);
        foreach (Worker worker in Workers)
        {
            worker.Graph.Remove(removed);
        }
    }

    /// <summary>Stops the workers, as <see cref="Park"/> does, when all that they have reported is known.</summary>
    private IDisposable ParkAndTakeReports()
    {
        IDisposable parked = Park();
        _workers.TakeReports(_take);
        return parked;
    }

    private void Take(in WorkerReport report)
    {
        switch (report.Kind)
        {
            case WorkerReportKind.NeighborSeen:
                _neighbors.Learn(_tables.InterfaceAt((uint)report.Interface), report.Address, report.MacAddress, report.Time);
                break;
            case WorkerReportKind.MacAddressSeen:
                Bridging.Learn(_tables.InterfaceAt((uint)report.Interface), report.MacAddress, report.Time);
                break;
            default:
                _pings.Take(in report);
                break;
        }
    }

    /// <summary>In L2 mode an interface keeps its addresses, but has no routes and no neighbors.</summary>
    private void FollowMode(Interface target)
    {
        if (!target.IsRouting)
        {
            _neighbors.RemoveWhere((link, _, _) => link == target);
        }

        UpdateRoutes(target);
        Announce(target, target.Addresses);
    }

    private void UpdateRoutes(Interface target)
    {
        _connected.Update(target);
        _neighbors.FollowLink(target);
        _routes.ResolveAll();
    }

    private void RefreshAdjacencies(Interface target)
    {
        _connected.Update(target);
        _neighbors.Refresh(target);
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
        _workers.Requests.TryAdd(new WorkerRequest(WorkerRequestKind.ArpRequest)
        {
            Interface = link.Index,
            Source = source,
            Destination = target,
            MacAddress = destination,
        });
}
