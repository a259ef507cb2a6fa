using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Nodes;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

/// <summary>The control thread may replace an adjacency while packets are on their way from the node that looked at it to the next.</summary>
public sealed class ChangedMeanwhileTests : IDisposable
{
    private readonly BufferPool _buffers = new(8);
    private readonly ForwardingTables _tables = new(workers: 1);
    private readonly Dispatcher _graph;
    private readonly Recorder _output;
    private readonly Recorder _lookup;
    private readonly Recorder _rewrite;

    public ChangedMeanwhileTests()
    {
        _tables.SetInterface(0, new Interface("local0", 0, port: null)); // where the packets come from
        _graph = new Dispatcher(worker: 0, _buffers, _tables);
        (_output, _lookup, _rewrite) = (new(_graph, "output"), new(_graph, "lookup"), new(_graph, "rewrite"));
    }

    public void Dispose() => _buffers.Dispose();

    [Fact]
    public void A_packet_whose_neighbor_is_forgotten_after_the_lookup_is_looked_up_again()
    {
        Ip4RewriteNode node = new(_graph, _output, _output, _output, _lookup);
        BufferIndex packet = Packet(AdjacencyKind.Incomplete);
        Run(node, packet);
        Assert.Empty(_output.Packets);
        Assert.Equal([packet], _lookup.Packets);
        Assert.Equal(100, _buffers.Packet(packet).Length);
    }

    [Fact]
    public void A_packet_that_fits_again_once_it_is_to_be_cut_goes_on_whole()
    {
        Ip4FragNode node = new(_graph);
        node.Connect(_rewrite);
        BufferIndex packet = Packet(AdjacencyKind.Rewrite);
        Run(node, packet);
        Assert.Equal([packet], _rewrite.Packets);
        Assert.Equal(100, _buffers.Packet(packet).Length);
    }

    [Fact]
    public void A_packet_of_which_no_fragment_would_hold_8_bytes_is_dropped()
    {
        Ip4FragNode node = new(_graph);
        node.Connect(_rewrite);
        BufferIndex packet = Packet(AdjacencyKind.Rewrite, mtu: Ip4Header.Size + 7);
        Run(node, packet);
        Assert.Empty(_rewrite.Packets);
        Assert.Equal(1ul, node.ReadCount(Reason.FragmentTooSmall));
        Assert.Equal(_buffers.Count, _buffers.FreeCount);
    }

    private BufferIndex Packet(AdjacencyKind kind, int mtu = 1500)
    {
        Assert.True(_buffers.TryTake(out BufferIndex packet));
        byte[] bytes = new byte[100];
        bytes[0] = 0x45;
        bytes[8] = 64;
        _buffers.SetPacket(packet, bytes);
        Interface egress = new("egress", 1, port: null) { Mtu = mtu };
        _buffers.Header(packet).Adjacency = (uint)_tables.Adjacencies.Add(new Adjacency(kind, egress));
        return packet;
    }

    private void Run(InternalNode node, BufferIndex packet)
    {
        node.Enqueue(packet);
        _graph.BeginTurn(1);
        _graph.RunPending();
    }

    private sealed class Recorder(Dispatcher dispatcher, string name) : InternalNode(dispatcher, name)
    {
        public List<BufferIndex> Packets { get; } = [];

        protected override void Process(ReadOnlySpan<BufferIndex> frame) => Packets.AddRange(frame);
    }
}
