using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>A receive queue and the worker that polls it.</summary>
/// <param name="Interface">Whose packets it receives.</param>
/// <param name="Queue">Its number in the interface's port.</param>
/// <param name="Worker">Who polls it.</param>
public sealed record PlacedQueue(Interface Interface, int Queue, Worker Worker);

/// <summary>Which worker polls which receive queue. Belongs to the control thread.</summary>
internal sealed class RxPlacement(IReadOnlyList<Worker> workers)
{
    private readonly List<PlacedQueue> _queues = [];
    private int _next;

    public IReadOnlyList<PlacedQueue> Queues => _queues;

    /// <summary>Gives an interface's queues to the workers in turn, going on where the last interface's ended. While they are parked.</summary>
    public void Add(Interface added)
    {
        IReadOnlyList<RxQueue> queues = added.Port?.RxQueues ?? [];
        for (int i = 0; i < queues.Count; i++)
        {
            Worker worker = workers[_next++ % workers.Count];
            worker.Graph.AddQueue(added, queues[i]);
            _queues.Add(new PlacedQueue(added, i, worker));
        }
    }

    /// <summary>Takes an interface's queues from the workers. While they are parked.</summary>
    public void Remove(Interface removed)
    {
        foreach (PlacedQueue placed in _queues.Where(placed => placed.Interface == removed))
        {
            placed.Worker.Graph.RemoveQueue(removed.Port!.RxQueues[placed.Queue]);
        }

        _queues.RemoveAll(placed => placed.Interface == removed);
    }
}
