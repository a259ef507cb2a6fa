namespace Verbena.Dataplane;

/// <summary>What a worker has done since the counters were cleared; <c>show runtime</c> prints it.</summary>
/// <param name="Worker">Who.</param>
/// <param name="Mode">How it learns of packets: like the most wakeful of its receive queues.</param>
/// <param name="ElapsedNanoseconds">Time since the clear.</param>
/// <param name="Loops">Turns of the worker's loop.</param>
/// <param name="Nodes">All nodes, sorted by name, also those that did nothing.</param>
public sealed record RuntimeSnapshot(Worker Worker, RxMode Mode, long ElapsedNanoseconds, ulong Loops, IReadOnlyList<NodeRuntime> Nodes);

/// <summary>What one node has done.</summary>
/// <param name="Name">The node's name, as in VPP.</param>
/// <param name="Kind">What it is called for.</param>
/// <param name="Calls">Times that it ran; an input node runs every turn.</param>
/// <param name="Vectors">Packets that it was given, or for an input node that it received.</param>
/// <param name="Nanoseconds">Time that it took for them.</param>
public readonly record struct NodeRuntime(string Name, NodeKind Kind, ulong Calls, ulong Vectors, long Nanoseconds);

/// <summary>Where a node stands in the graph.</summary>
public enum NodeKind
{
    /// <summary>Packets come in here; it is polled every turn (its state is the worker's mode).</summary>
    Input,

    /// <summary>It runs when it has packets (state "active").</summary>
    Internal,

    /// <summary>Like <see cref="Internal"/>; packets leave to a port here (<c>-tx</c>).</summary>
    Output,

    /// <summary>Like <see cref="Internal"/>; packets end here.</summary>
    Drop,
}

/// <summary>A counter of <c>show errors</c>.</summary>
/// <param name="Count">How often, since the clear.</param>
/// <param name="Node">The node that found it.</param>
/// <param name="Reason">What it was.</param>
public readonly record struct ErrorCount(ulong Count, string Node, Graph.Reason Reason);
