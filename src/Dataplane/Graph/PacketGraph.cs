using Verbena.Dataplane.Nodes;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Graph;

/// <summary>One worker's nodes, and which of them gives packets to which: read the constructor from the end for a packet's way.</summary>
internal sealed class PacketGraph
{
    private readonly InputNode[] _inputs;
    private readonly RdmaInputNode _rdmaInput;
    private readonly InterfaceOutputNode _interfaceOutput;
    private readonly Ip4NeighborWaitNode _neighborWait;
    private readonly Ip4ReassemblyNode _reassembly;

    public PacketGraph(int worker, int workers, BufferPool buffers, ForwardingTables tables, WorkerMessages messages)
    {
        Dispatcher graph = new(worker, buffers, tables);
        Dispatcher = graph;

        _interfaceOutput = new InterfaceOutputNode(graph);
        Ip4LookupNode lookup = new(graph);
        Ip4IcmpErrorNode icmpError = new(graph, lookup);

        Ip4FragNode fragment = new(graph);
        Ip4RewriteNode rewrite = new(graph, _interfaceOutput, fragment, icmpError, lookup);
        fragment.Connect(rewrite);

        Ip4IcmpEchoRequestNode echoRequest = new(graph, lookup);
        Ip4IcmpEchoReplyNode echoReply = new(graph, messages);
        Ip4IcmpInputNode icmpInput = new(graph, echoRequest, echoReply);
        _reassembly = new Ip4ReassemblyNode(graph, workers, icmpError);
        Ip4LocalNode local = new(graph, icmpInput, _reassembly, icmpError);
        _reassembly.Connect(local);

        ArpRequests arpRequests = new(buffers, _interfaceOutput);
        _neighborWait = new Ip4NeighborWaitNode(graph, arpRequests, lookup, icmpError);
        Ip4ArpNode glean = new(graph, "ip4-glean", _neighborWait);
        Ip4ArpNode arp = new(graph, "ip4-arp", _neighborWait);
        lookup.Connect(local, glean, arp, rewrite, icmpError);

        ArpReplyNode arpReply = new(graph, messages, _interfaceOutput);
        ArpInputNode arpInput = new(graph, arpReply);
        Ip4InputNode ip4Input = new(graph, lookup);

        L2OutputNode l2Output = new(graph, _interfaceOutput);
        L2FloodNode l2Flood = new(graph, l2Output);
        L2ForwardNode l2Forward = new(graph, l2Output, l2Flood);
        L2LearnNode l2Learn = new(graph, messages, l2Forward);
        L2InputNode l2Input = new(graph, l2Learn, l2Forward, l2Output);
        EthernetInputNode ethernetInput = new(graph, arpInput, ip4Input, l2Input);
        l2Output.Connect(ethernetInput);
        _interfaceOutput.Connect(l2Input);

        _rdmaInput = new RdmaInputNode(graph, ethernetInput);
        _inputs =
        [
            _rdmaInput, _neighborWait, new Ip4ReassemblyExpireNode(graph, _reassembly), new ControlInputNode(graph, messages, arpRequests, lookup),
        ];
    }

    public Dispatcher Dispatcher { get; }

    /// <summary>Packets that wait for a neighbor, and buffers of fragments that wait for others: nothing else is in the graph between two turns.</summary>
    public int HeldCount => _neighborWait.HeldCount + _reassembly.HeldCount;

    /// <summary>Whether packets wait for a neighbor's address, of which no event tells.</summary>
    public bool WaitsForNeighbors => _neighborWait.HeldCount > 0;

    /// <summary>Whether a receive queue could not be filled when it was last polled.</summary>
    public bool WantsBuffers => _rdmaInput.WantsBuffers;

    /// <summary>How the worker learns of packets: like the most wakeful of its queues.</summary>
    public RxMode Mode => _rdmaInput.Mode;

    /// <summary>One turn: input, everything that follows from it, and what the ports have to give back.</summary>
    public bool RunOnce(long now)
    {
        Dispatcher.BeginTurn(now);
        int received = 0;
        foreach (InputNode input in _inputs)
        {
            received += input.Run();
        }

        bool ran = Dispatcher.RunPending();
        _interfaceOutput.Reclaim();
        return ran || received > 0;
    }

    /// <summary>Sends to an interface's port from now on. While the worker is parked.</summary>
    public void Add(Interface added) => _interfaceOutput.Add(added);

    /// <summary>Receives from one of a port's queues from now on. While the worker is parked.</summary>
    public void AddQueue(PlacedQueue added) => _rdmaInput.Add(added);

    /// <summary>Leaves the queue to others. While the worker is parked.</summary>
    public void RemoveQueue(PlacedQueue removed) => _rdmaInput.Remove(removed);

    /// <summary>Asks all receive queues for events, if they may be waited for after so long without packets.</summary>
    /// <returns>Their descriptors, or null.</returns>
    public int[]? TryArm(long idleNanoseconds) => _rdmaInput.TryArm(idleNanoseconds);

    /// <summary>Returns the buffers that ports have sent, and says whether that were all. While the worker is parked.</summary>
    public bool ReclaimAll() => _interfaceOutput.ReclaimAll();

    /// <summary>Leaves the port alone, and drops the packets that wait for it or came by it. While the worker is parked.</summary>
    public void Remove(Interface removed)
    {
        _ = Dispatcher.Lap(); // the time since the last turn is nobody's
        _neighborWait.Forget(removed.Index);
        _reassembly.ForgetInterface(removed.Index);
        _ = Dispatcher.RunPending();
        _interfaceOutput.Remove(removed);
    }
}
