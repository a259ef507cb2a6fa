using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Verbena.Packets;

namespace Verbena.Dataplane.Graph;

/// <summary>A step of a packet's way through the data plane, with its counters.</summary>
/// <remarks>
/// A node belongs to one worker's graph and only that worker runs it. It gets the nodes its packets go to, its edges, when it is
/// made. Every packet it is given leaves by exactly one edge, <see cref="Drop"/> being one.
/// </remarks>
internal abstract class Node
{
    private const int ReasonBits = 8;
    private readonly uint _firstDropCounter;
    private readonly ulong[] _reasons = new ulong[Reasons.Count];
    private readonly ulong[] _clearedReasons = new ulong[Reasons.Count];
    private NodeRuntime _clearedRuntime;
    private ulong _calls;
    private ulong _vectors;
    private long _nanoseconds;

    private protected Node(Dispatcher dispatcher, string name, NodeKind kind)
    {
        Debug.Assert(Reasons.Count <= 1 << ReasonBits, "a drop counter's low bits hold the reason");
        Dispatcher = dispatcher;
        Buffers = dispatcher.Buffers;
        Name = name;
        Kind = kind;
        Index = dispatcher.Register(this);
        _firstDropCounter = (uint)Index << ReasonBits;
    }

    public string Name { get; }

    public NodeKind Kind { get; }

    /// <summary>Its place in the dispatcher's list.</summary>
    public int Index { get; }

    protected Dispatcher Dispatcher { get; }

    protected BufferPool Buffers { get; }

    /// <summary>The reason that a packet carries to the drop node, and the index of the node that found it.</summary>
    public static (int NodeIndex, Reason Reason) ReadDropCounter(uint counter) =>
        ((int)(counter >> ReasonBits), (Reason)(counter & ((1 << ReasonBits) - 1)));

    /// <summary>Counts a reason without dropping anything.</summary>
    public void Count(Reason reason, uint times = 1) => _reasons[(int)reason] += times;

    /// <summary>What has been counted under a reason since the clear. May be read from any thread.</summary>
    public ulong ReadCount(Reason reason) => Volatile.Read(ref _reasons[(int)reason]) - _clearedReasons[(int)reason];

    /// <summary>Remembers the counts, so that they read zero. Called by the control thread.</summary>
    public void ClearCounts()
    {
        for (int i = 0; i < _reasons.Length; i++)
        {
            _clearedReasons[i] = Volatile.Read(ref _reasons[i]);
        }
    }

    /// <summary>What the node has done since the clear. May be read from any thread.</summary>
    public NodeRuntime ReadRuntime() => ReadRuntimeTotal() is var total
        ? total with
        {
            Calls = total.Calls - _clearedRuntime.Calls,
            Vectors = total.Vectors - _clearedRuntime.Vectors,
            Nanoseconds = total.Nanoseconds - _clearedRuntime.Nanoseconds,
        }
        : default;

    public void ClearRuntime() => _clearedRuntime = ReadRuntimeTotal();

    protected void CountCall(int vectors, long nanoseconds)
    {
        _calls++;
        _vectors += (uint)vectors;
        _nanoseconds += nanoseconds;
    }

    /// <summary>Gives a packet to the drop node, which counts it under this node and <paramref name="reason"/>.</summary>
    protected void Drop(BufferIndex packet, Reason reason)
    {
        SetDropReason(packet, reason);
        Dispatcher.Drop.Enqueue(packet);
    }

    /// <summary>Drops several packets under one reason.</summary>
    protected void DropAll(ReadOnlySpan<BufferIndex> packets, Reason reason)
    {
        foreach (BufferIndex packet in packets)
        {
            Drop(packet, reason);
        }
    }

    /// <summary>Says under which reason a packet is counted if another node drops it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void SetDropReason(BufferIndex packet, Reason reason) =>
        Buffers.Header(packet).DropCounter = _firstDropCounter | (uint)reason;

    /// <summary>Sends a packet to be answered with an ICMP error; it is dropped under <paramref name="reason"/> if it deserves none.</summary>
    protected void Reject(BufferIndex packet, Reason reason, IcmpError error, InternalNode icmpError)
    {
        SetDropReason(packet, reason);
        Buffers.Header(packet).IcmpError = error.Value;
        icmpError.Enqueue(packet);
    }

    private NodeRuntime ReadRuntimeTotal() =>
        new(Name, Kind, Volatile.Read(ref _calls), Volatile.Read(ref _vectors), Volatile.Read(ref _nanoseconds));
}

/// <summary>A node that is polled once a turn, because packets come from outside of the graph.</summary>
internal abstract class InputNode(Dispatcher dispatcher, string name) : Node(dispatcher, name, NodeKind.Input)
{
    /// <summary>Polls, and counts that. Returns the number of packets.</summary>
    public int Run()
    {
        int count = Poll();
        CountCall(count, Dispatcher.Lap());
        return count;
    }

    /// <summary>Gives what has come to the next nodes and returns how many packets it was.</summary>
    protected abstract int Poll();
}

/// <summary>A node that other nodes give packets to. It runs when it has some, with up to <see cref="FrameSize"/> at a time.</summary>
internal abstract class InternalNode : Node
{
    /// <summary>The most packets of a frame: VPP's number, for which its nodes were tuned; larger ones leave the L1 cache.</summary>
    public const int FrameSize = 256;

    private BufferIndex[] _waiting = new BufferIndex[FrameSize]; // stays as long as the most packets that ever waited wanted it
    private int _count;

    private protected InternalNode(Dispatcher dispatcher, string name, NodeKind kind = NodeKind.Internal)
        : base(dispatcher, name, kind)
    {
    }

    /// <summary>Gives the node a packet, which it owns from now on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enqueue(BufferIndex packet)
    {
        int count = _count;
        if (count == 0)
        {
            Dispatcher.Schedule(this);
        }

        if (count == _waiting.Length)
        {
            MakeRoom(count + 1);
        }

        _waiting[count] = packet;
        _count = count + 1;
    }

    /// <summary>Gives the node several packets.</summary>
    public void Enqueue(ReadOnlySpan<BufferIndex> packets)
    {
        if (_count == 0 && packets.Length > 0)
        {
            Dispatcher.Schedule(this);
        }

        int count = _count + packets.Length;
        if (count > _waiting.Length)
        {
            MakeRoom(count);
        }

        packets.CopyTo(_waiting.AsSpan(_count));
        _count = count;
    }

    /// <summary>Works off what has been enqueued.</summary>
    public void Run()
    {
        int count = _count;
        for (int at = 0; at < count; at += FrameSize)
        {
            int length = Math.Min(FrameSize, count - at);
            Process(_waiting.AsSpan(at, length));
            CountCall(length, Dispatcher.Lap());
        }

        Debug.Assert(_count == count, "a node gives its packets to other nodes, never to itself");
        _count = 0;
    }

    /// <summary>Sends each packet on by one edge.</summary>
    protected abstract void Process(ReadOnlySpan<BufferIndex> frame);

    /// <summary>Doubles the room: a few times in a node's life, for a packet is in one place at a time, so the pool is the most there can be.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MakeRoom(int count) => Array.Resize(ref _waiting, (int)BitOperations.RoundUpToPowerOf2((uint)count));
}
