using Verbena.Dataplane.L2;
using Verbena.Dataplane.Ping;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The data plane as the control thread sees it: interfaces and what they do, workers, counters, ping.</summary>
/// <remarks>
/// One thread at a time calls it, the control thread; others run the <see cref="Workers"/>. Reading never stops them.
/// What it refuses changes nothing and throws a <see cref="RouterException"/>.
/// </remarks>
public sealed class Router : IDisposable
{
    private readonly ForwardingTables _tables;
    private readonly WorkerSet _workers;
    private readonly RxPlacement _placement;
    private readonly PingSessions _pings;
    private readonly ReportReader _take; // made once: it is wanted every millisecond

    /// <summary>Makes a router that originates packets from <paramref name="buffers"/>, where its ports take theirs.</summary>
    /// <param name="buffers">The buffers; they must outlive it.</param>
    /// <param name="workers">How many workers share the work, from 1 to <see cref="BufferPool.MaxCaches"/>.</param>
    /// <param name="macAddresses">Which Ethernet addresses its interfaces may take; null: any.</param>
    public Router(BufferPool buffers, int workers = 1, MacAddressPolicy? macAddresses = null)
    {
        macAddresses ??= new MacAddressPolicy();
        Buffers = buffers;
        _take = Take;
        _tables = new ForwardingTables(workers);
        _workers = new WorkerSet(workers, buffers, _tables);
        _placement = new RxPlacement(Workers, Park);
        _pings = new PingSessions(_tables, _workers.Requests);
        Ip4 = new Ip4Routing(_tables, _workers.Requests, Park);
        Reception = new Reception(_tables, macAddresses);
        Bridging = new Bridging(_tables, ParkAndTakeReports, Reception.RequirePromiscuous, Ip4.FollowMode);
        Interfaces = new InterfaceSet(_tables, Workers, _placement, macAddresses, Ip4, Bridging, ParkAndTakeReports);
    }

    public BufferPool Buffers { get; }

    public InterfaceSet Interfaces { get; }

    /// <summary>Interfaces in L3 mode: addresses, routes, neighbors.</summary>
    public Ip4Routing Ip4 { get; }

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

    /// <summary>The counters of <c>show errors</c> that are not zero, in the order of their nodes, summed over the workers.</summary>
    public IReadOnlyList<ErrorCount> Errors => _workers.Errors;

    /// <summary>Stops the workers between two turns until the result is disposed. May be nested.</summary>
    public IDisposable Park() => _workers.Park();

    /// <summary>Lets another worker poll one of an interface's receive queues. No packet is lost, and none overtakes another.</summary>
    public void SetRxPlacement(Interface target, int queue, Worker worker) => _placement.Move(target, queue, worker);

    /// <summary>Says how workers learn of packets in one of an interface's receive queues, or (null) in all.</summary>
    public void SetRxMode(Interface target, int? queue, RxMode mode) => _placement.SetMode(target, queue, mode);

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
        _workers.TakeReports(_take);
        Ip4.Age(now);
        Bridging.Age(now);
        _pings.Advance(now);
        _workers.WakeForRequests();
    }

    /// <summary>Removes all interfaces and returns all buffers. The workers' threads must have ended.</summary>
    public void Dispose()
    {
        foreach (Interface removed in Interfaces.All.Where(candidate => candidate.Index != 0 && candidate.Parent is null)) // sub-interfaces go with their parents
        {
            Interfaces.Remove(removed);
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
                Ip4.Learn(_tables.InterfaceAt((uint)report.Interface), report.Address, report.MacAddress, report.Time);
                break;
            case WorkerReportKind.MacAddressSeen:
                Bridging.Learn(_tables.InterfaceAt((uint)report.Interface), report.MacAddress, report.Time);
                break;
            default:
                _pings.Take(in report);
                break;
        }
    }
}
