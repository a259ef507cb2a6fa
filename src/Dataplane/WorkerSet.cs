using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The workers of a router: parked together, listened to in the right order, their counters summed. Belongs to the control thread.</summary>
internal sealed class WorkerSet
{
    private readonly Worker[] _workers;
    private readonly TurnGate[] _gates;
    private readonly int[] _reports;
    private long _runtimeClearedAt;

    public WorkerSet(int count, BufferPool buffers, ForwardingTables tables)
    {
        _workers = [.. Enumerable.Range(0, count).Select(index => new Worker(index, count, buffers, tables))];
        _gates = [.. _workers.Select(worker => worker.Gate)];
        _reports = new int[count];
    }

    public IReadOnlyList<Worker> All => _workers;

    public bool AllSleep => Array.TrueForAll(_workers, worker => worker.Sleeps);

    /// <summary>To the worker that sends what the control thread wants sent.</summary>
    public SpscRing<WorkerRequest> Requests => _workers[0].Messages.Requests;

    /// <summary>Wakes that worker if it sleeps and has something to send.</summary>
    public void WakeForRequests()
    {
        if (!Requests.IsEmpty)
        {
            _workers[0].Wake();
        }
    }

    /// <summary>The counters of <c>show errors</c> that are not zero, in the order of their nodes, summed over the workers.</summary>
    public IReadOnlyList<ErrorCount> Errors =>
    [
        .. from node in Nodes
           group node by node.Index into same
           from reason in Reasons.All
           let count = same.Aggregate(0UL, (sum, node) => sum + node.ReadCount(reason))
           where count > 0
           select new ErrorCount(count, same.First().Name, reason),
    ];

    private IEnumerable<Node> Nodes => _workers.SelectMany(worker => worker.Graph.Dispatcher.Nodes);

    /// <summary>Stops all workers between two turns until the result is disposed. May be nested.</summary>
    public IDisposable Park() => TurnGate.Park(_gates, WakeAll);

    /// <summary>Lets sleeping workers look at what has changed.</summary>
    public void WakeAll() => Array.ForEach(_workers, worker => worker.Wake());

    public void ClearErrors()
    {
        foreach (Node node in Nodes)
        {
            node.ClearCounts();
        }
    }

    /// <summary>What each worker's nodes have done since <see cref="ClearRuntime"/>.</summary>
    public IReadOnlyList<RuntimeSnapshot> ReadRuntime(long now) =>
    [
        .. _workers.Select(worker => new RuntimeSnapshot(
            worker,
            worker.Graph.Mode,
            now - _runtimeClearedAt,
            worker.Graph.Dispatcher.Loops,
            [.. worker.Graph.Dispatcher.Nodes.Select(node => node.ReadRuntime()).OrderBy(node => node.Name, StringComparer.Ordinal)])),
    ];

    public void ClearRuntime(long now)
    {
        _runtimeClearedAt = now;
        foreach (Worker worker in _workers)
        {
            worker.Graph.Dispatcher.ClearRuntime();
        }
    }

    /// <summary>Hands what the workers have reported to <paramref name="take"/>.</summary>
    /// <remarks>
    /// The first worker sends echo requests, any may receive the replies. Its reports are counted last and taken first, so that
    /// none tells of a reply before its request.
    /// </remarks>
    public void TakeReports(ReportReader take)
    {
        for (int i = _workers.Length - 1; i >= 0; i--)
        {
            _reports[i] = _workers[i].Messages.Reports.Count;
        }

        for (int i = 0; i < _workers.Length; i++)
        {
            for (; _reports[i] > 0 && _workers[i].Messages.Reports.TryTake(out WorkerReport report); _reports[i]--)
            {
                take(in report);
            }
        }
    }
}

/// <summary>Takes something that a worker has told.</summary>
internal delegate void ReportReader(in WorkerReport report);
