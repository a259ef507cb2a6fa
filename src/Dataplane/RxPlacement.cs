using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>A receive queue and the worker that polls it.</summary>
/// <param name="Interface">Whose packets it receives.</param>
/// <param name="Queue">Its number in the interface's port.</param>
/// <param name="Worker">Who polls it.</param>
/// <param name="Mode">How the worker learns of packets.</param>
public sealed record PlacedQueue(Interface Interface, int Queue, Worker Worker, RxMode Mode)
{
    internal RxQueue RxQueue => Interface.Port!.RxQueues[Queue];
}

/// <summary>Which worker polls which receive queue. Belongs to the control thread.</summary>
internal sealed class RxPlacement(IReadOnlyList<Worker> workers, Func<IDisposable> park)
{
    private readonly List<PlacedQueue> _queues = [];
    private int _next;

    public IReadOnlyList<PlacedQueue> Queues => _queues;

    /// <summary>Gives an interface's queues to the workers in turn, going on where the last interface's ended. While they are parked.</summary>
    public void Add(Interface added)
    {
        for (int i = 0; i < (added.Port?.RxQueues.Count ?? 0); i++)
        {
            PlacedQueue placed = new(added, i, workers[_next++ % workers.Count], RxMode.Polling);
            placed.Worker.Graph.AddQueue(placed);
            _queues.Add(placed);
        }
    }

    /// <summary>Takes an interface's queues from the workers. While they are parked.</summary>
    public void Remove(Interface removed)
    {
        foreach (PlacedQueue placed in _queues.Where(placed => placed.Interface == removed))
        {
            placed.Worker.Graph.RemoveQueue(placed);
        }

        _queues.RemoveAll(placed => placed.Interface == removed);
    }

    /// <summary>
    /// Lets another worker poll a queue from now on. Its packets stay in order: those that the first worker has taken have left
    /// before the second takes any, unless the link is so slow that a tenth of a second is too short for that.
    /// </summary>
    public void Move(Interface target, int queue, Worker to)
    {
        PlacedQueue placed = Find(target, queue);
        using (park())
        {
            placed.Worker.Graph.RemoveQueue(placed);
            WaitUntilSent(placed.Worker);
            Place(placed, placed with { Worker = to });
        }
    }

    /// <summary>Lets the worker of a queue, or of each of an interface's queues, learn of packets in another way.</summary>
    public void SetMode(Interface target, int? queue, RxMode mode)
    {
        PlacedQueue[] chosen = queue is { } number ? [Find(target, number)] : [.. _queues.Where(placed => placed.Interface == target)];
        if (chosen.Length == 0 || (mode != RxMode.Polling && chosen.Any(placed => placed.RxQueue.EventDescriptor < 0)))
        {
            throw new RouterException($"{target} has no receive queues that tell of packets: it stays as it is");
        }

        using (park())
        {
            foreach (PlacedQueue placed in chosen)
            {
                placed.Worker.Graph.RemoveQueue(placed);
                Place(placed, placed with { Mode = mode });
            }
        }
    }

    private PlacedQueue Find(Interface target, int queue) =>
        _queues.Find(placed => placed.Interface == target && placed.Queue == queue)
        ?? throw new RouterException($"{target} has no receive queue {queue}: 'show interface rx-placement' lists those there are");

    private void Place(PlacedQueue before, PlacedQueue now)
    {
        now.Worker.Graph.AddQueue(now);
        _queues[_queues.IndexOf(before)] = now;
    }

    private static void WaitUntilSent(Worker worker)
    {
        const int MaxSpins = 100; // most of them of a millisecond
        SpinWait spinner = default;
        while (!worker.Graph.ReclaimAll() && spinner.Count < MaxSpins)
        {
            spinner.SpinOnce();
        }
    }
}
