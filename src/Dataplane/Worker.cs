using System.Globalization;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Moves packets: one thread calls <see cref="RunOnce"/> again and again.</summary>
/// <remarks>Each worker has a graph of its own, receive queues that it alone polls, and a transmit queue of every port.</remarks>
public sealed class Worker
{
    private readonly TurnGate _gate = new();
    private readonly BufferPool _buffers;

    internal Worker(int index, BufferPool buffers, ForwardingTables tables)
    {
        Index = index;
        _buffers = buffers;
        Graph = new PacketGraph(index, buffers, tables, Messages);
    }

    /// <summary>Its number, from 0; that of its transmit queue in every port.</summary>
    public int Index { get; }

    public string Name => string.Create(CultureInfo.InvariantCulture, $"worker_{Index}");

    /// <summary>What Linux calls its thread; 0 if it has none of its own.</summary>
    public int ThreadId { get; private set; }

    /// <summary>The processor that its thread is pinned to, if it is.</summary>
    public int? Core { get; private set; }

    /// <summary>Turns since <see cref="Router.ClearRuntime"/>.</summary>
    public ulong Loops => Graph.Dispatcher.Loops;

    internal PacketGraph Graph { get; }

    internal WorkerMessages Messages { get; } = new();

    internal TurnGate Gate => _gate;

    /// <summary>Says which thread will run the worker, and gives that thread, the caller, a cache of buffers.</summary>
    public void AttachThread(int threadId, int? core)
    {
        (ThreadId, Core) = (threadId, core);
        _buffers.UseCache(Index);
    }

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
}
