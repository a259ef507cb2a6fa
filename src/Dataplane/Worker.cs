using System.Globalization;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Moves packets: one thread calls <see cref="RunOnce"/> again and again.</summary>
/// <remarks>Each worker has a graph of its own, receive queues that it alone polls, and a transmit queue of every port.</remarks>
public sealed class Worker
{
    private const int LongestSleepMilliseconds = 1000; // each arming anew has the NIC's attention for a while

    private readonly TurnGate _gate = new();
    private readonly BufferPool _buffers;
    private Action? _wake;
    private int _sleeps;

    internal Worker(int index, int count, BufferPool buffers, ForwardingTables tables)
    {
        Index = index;
        _buffers = buffers;
        Graph = new PacketGraph(index, count, buffers, tables, Messages);
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

    /// <summary>Whether its thread waits to be told of packets.</summary>
    internal bool Sleeps => Volatile.Read(ref _sleeps) != 0;

    internal PacketGraph Graph { get; }

    internal WorkerMessages Messages { get; } = new();

    internal TurnGate Gate => _gate;

    /// <summary>Says which thread will run the worker, and gives that thread, the caller, a cache of buffers.</summary>
    /// <param name="threadId">What Linux calls it.</param>
    /// <param name="core">The processor that it is pinned to, if it is.</param>
    /// <param name="wake">Ends its sleep after <see cref="TryBeginSleep"/>; null if it never sleeps.</param>
    public void AttachThread(int threadId, int? core, Action? wake = null)
    {
        (ThreadId, Core, _wake) = (threadId, core, wake);
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

    /// <summary>
    /// Gets ready to sleep, if no queue has to be polled after so long without packets: the queues tell of packets from now on, the
    /// control thread of what it wants. Called by the worker's thread, which must then take one more turn, and not sleep if it was busy.
    /// </summary>
    /// <param name="idleNanoseconds">Time since the last busy turn.</param>
    /// <param name="descriptors">What becomes readable when a packet arrives; the same array as long as the queues are the same.</param>
    /// <param name="milliseconds">How long it may sleep at most.</param>
    public bool TryBeginSleep(long idleNanoseconds, out int[] descriptors, out int milliseconds)
    {
        (descriptors, milliseconds) = ([], 0);
        if (!_gate.TryEnter())
        {
            return false;
        }

        int[]? armed = Graph.TryArm(idleNanoseconds);
        if (armed is not null)
        {
            descriptors = armed;
            bool nothingWaits = !Graph.WaitsForNeighbors && Graph.ReclaimAll() && !Graph.WantsBuffers; // nobody would tell of it
            milliseconds = nothingWaits ? LongestSleepMilliseconds : 1;
            _ = Interlocked.Exchange(ref _sleeps, 1); // before the turn that looks for requests
        }

        _gate.Exit();
        return armed is not null;
    }

    /// <summary>The worker's thread is awake again.</summary>
    public void EndSleep() => Volatile.Write(ref _sleeps, 0);

    /// <summary>Ends the sleep of the worker's thread, or prevents it. Called after whatever it is to see.</summary>
    internal void Wake()
    {
        Interlocked.MemoryBarrier(); // they say that they sleep, then look; we write, then look whether they sleep
        if (Sleeps)
        {
            _wake?.Invoke();
        }
    }
}
