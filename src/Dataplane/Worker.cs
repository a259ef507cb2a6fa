using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Moves packets: one thread calls <see cref="RunOnce"/> again and again.</summary>
public sealed class Worker
{
    private readonly TurnGate _gate = new();

    internal Worker(BufferPool buffers, ForwardingTables tables) => Graph = new PacketGraph(buffers, tables, Messages);

    internal PacketGraph Graph { get; }

    internal WorkerMessages Messages { get; } = new();

    /// <summary>One turn of the loop: receives, runs the graph until it is empty, sends.</summary>
    /// <param name="now">A monotonic clock in nanoseconds, the same that <see cref="Router.Maintain"/> is given.</param>
    /// <returns>True if there was anything to do; false too while the worker is parked.</returns>
    public bool RunOnce(long now)
    {
        if (!_gate.TryEnter())
        {
            return false;
        }

        bool busy = Graph.RunOnce(now);
        _gate.Exit();
        return busy;
    }

    /// <summary>Keeps the worker between two turns until the result is disposed. Called by the control thread; may be nested.</summary>
    internal IDisposable Park() => _gate.Park();
}
