using System.Diagnostics;
using Verbena.Dataplane.Nodes;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Graph;

/// <summary>What the nodes of one worker's graph share, and the order in which they run.</summary>
internal sealed class Dispatcher
{
    private readonly List<Node?> _nodes = [];
    private readonly Stack<int> _freeIndexes = [];
    private InternalNode[] _pending = new InternalNode[64]; // a ring: a node that has packets stands in it once
    private uint _head;
    private uint _tail;
    private ulong _loops;
    private ulong _clearedLoops;
    private long _lapStart;
    private ushort _lastIdentification;

    public Dispatcher(int worker, BufferPool buffers, ForwardingTables tables)
    {
        Worker = worker;
        _lastIdentification = (ushort)(worker * (ushort.MaxValue / BufferPool.MaxCaches)); // workers begin far from each other
        Buffers = buffers;
        Tables = tables;
        Drop = new DropNode(this);
    }

    /// <summary>The worker's number: of its transmit queues, and of its counters where those are not in the nodes.</summary>
    public int Worker { get; }

    public BufferPool Buffers { get; }

    public ForwardingTables Tables { get; }

    /// <summary>Where every node can send a packet that goes no further.</summary>
    public DropNode Drop { get; }

    /// <summary>The clock of this turn, in nanoseconds.</summary>
    public long Now { get; private set; }

    /// <summary>Turns since the clear.</summary>
    public ulong Loops => Volatile.Read(ref _loops) - _clearedLoops;

    /// <summary>The nodes there are.</summary>
    public IEnumerable<Node> Nodes => _nodes.OfType<Node>();

    /// <summary>An identification for a packet of the router's own that may be cut into fragments (RFC 6864, 4.1).</summary>
    public ushort NextIdentification() => ++_lastIdentification;

    public Node NodeAt(int index) => _nodes[index]!;

    /// <summary>Gives a new node its index. While the worker is parked.</summary>
    public int Register(Node node)
    {
        if (!_freeIndexes.TryPop(out int index))
        {
            index = _nodes.Count;
            _nodes.Add(null);
        }

        _nodes[index] = node;
        if (_nodes.Count > _pending.Length)
        {
            Debug.Assert(_head == _tail, "nodes are made while no packet is under way");
            _pending = new InternalNode[_pending.Length * 2];
        }

        return index;
    }

    /// <summary>Forgets a node and its counters. While the worker is parked, and with no packets waiting at the node.</summary>
    public void Unregister(Node node)
    {
        _nodes[node.Index] = null;
        _freeIndexes.Push(node.Index);
    }

    public void ClearRuntime()
    {
        _clearedLoops = Volatile.Read(ref _loops);
        foreach (Node node in Nodes)
        {
            node.ClearRuntime();
        }
    }

    /// <summary>Begins a turn at the time <paramref name="now"/>.</summary>
    public void BeginTurn(long now)
    {
        Now = now;
        Volatile.Write(ref _loops, _loops + 1);
        _lapStart = Stopwatch.GetTimestamp();
    }

    /// <summary>Remembers that a node has got its first packet.</summary>
    public void Schedule(InternalNode node) => _pending[_tail++ & (uint)(_pending.Length - 1)] = node;

    /// <summary>Runs nodes in the order in which they got packets, until none has any. Returns false if none had.</summary>
    public bool RunPending()
    {
        bool any = _head != _tail;
        while (_head != _tail)
        {
            _pending[_head++ & (uint)(_pending.Length - 1)].Run();
        }

        return any;
    }

    /// <summary>Nanoseconds since the last lap: one reading of the clock a frame tells a node's end and the next one's start.</summary>
    public long Lap()
    {
        long now = Stopwatch.GetTimestamp();
        long lap = now - _lapStart;
        _lapStart = now;
        return lap; // .NET's Stopwatch counts nanoseconds on Linux: its frequency is fixed at 10^9
    }
}
