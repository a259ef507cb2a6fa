using System.Buffers.Binary;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;
using Verbena.Tests.Dataplane;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.EndToEnd;

/// <summary>
/// Numbered packets of many flows, from a generator's NIC through eight receive queues, two workers with their threads, and out by
/// a cable to a port that reads every one.
/// </summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class MultiqueueTests : IDisposable
{
    private const int Queues = 8;
    private const ulong Packets = 100_000;
    private const int FirstFlow = 1024; // the generator's first UDP source port
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _suffix = Guid.NewGuid().ToString("N")[..8];
    private readonly BufferPool _buffers = new(32768);
    private readonly BufferPool _farBuffers = new(8192);
    private readonly Router _router;
    private readonly List<IDisposable> _threads = [];
    private readonly List<RdmaPort> _ports = [];
    private EmulatedNics _nics = null!;
    private ulong[] _nextOfFlow = [];
    private ulong _received;

    public MultiqueueTests()
    {
        _router = new Router(_buffers, workers: 2);
        foreach (Worker worker in _router.Workers)
        {
            _threads.Add(new WorkerThread(worker, core: null));
        }
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void Eight_queues_of_two_workers_share_ten_thousand_flows_evenly_and_keep_each_in_order(RdmaMode mode)
    {
        Forward(mode, flows: 10_000, packetsPerSecond: 200_000, changes: 0, _ => { });
        RdmaPort near = _ports[^1];
        double share = near.RxQueues.Sum(queue => (double)queue.Counters.Packets) / Queues;
        Assert.All(near.RxQueues, queue => Assert.InRange(queue.Counters.Packets, 0.8 * share, 1.2 * share));
        Assert.All(_ports[1].TxQueues, queue => Assert.True(queue.Counters.Packets > Packets / 10, "both workers have sent"));
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void No_packet_overtakes_another_when_its_queue_changes_the_worker(RdmaMode mode)
    {
        var random = new Random(1);
        Forward(mode, flows: 16, packetsPerSecond: 1_000_000, changes: 200, ingress =>
            _router.SetRxPlacement(ingress, random.Next(Queues), _router.Workers[random.Next(2)]));
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void Workers_that_sleep_now_and_then_forward_every_packet(RdmaMode mode)
    {
        int changes = 0;
        RxMode[] modes = [RxMode.Interrupt, RxMode.Adaptive, RxMode.Interrupt, RxMode.Polling];
        Forward(mode, flows: 16, packetsPerSecond: 100_000, changes: 20, ingress => _router.SetRxMode(ingress, queue: null, modes[changes++ % modes.Length]));
        Assert.True(changes > modes.Length, "each mode had its turn");
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void No_packet_is_lost_doubled_or_overtaken_when_the_key_and_table_are_made_anew(RdmaMode mode)
    {
        ulong unsteered = 0;
        Forward(mode, flows: 16, packetsPerSecond: 200_000, changes: 100, _ =>
        {
            unsteered = unsteered > 0 ? unsteered : Unsteered + 1;
            _ports[^1].SetRss(_ports[^1].Rss);
        });
        Assert.Equal(unsteered, Unsteered + 1);
    }

    public void Dispose()
    {
        _threads.ForEach(thread => thread.Dispose());
        _router.Dispose();
        _ports.ForEach(port => port.Dispose());
        string[] violations = [.. _nics.Devices.Values.SelectMany(nic => nic.Conformance.Violations)];
        (int free, int farFree) = (_buffers.FreeCount, _farBuffers.FreeCount);
        _nics.Dispose();
        _buffers.Dispose();
        _farBuffers.Dispose();
        Assert.Empty(violations);
        Assert.Equal((32768, 8192), (free, farFree));
    }

    /// <summary>Forwards all packets, and changes something at the ingress now and then.</summary>
    private void Forward(RdmaMode mode, int flows, int packetsPerSecond, int changes, Action<Interface> change)
    {
        _nextOfFlow = new ulong[flows];
        _nics = EmulatedNics.Attach(
            [
                Nic($"in{_suffix},wire=generator:size=64:flows={flows}:count={Packets}:rate={packetsPerSecond}"),
                Nic("out" + _suffix) with { Wire = new CableOptions("far" + _suffix) },
                Nic("far" + _suffix),
            ],
            NullLogger.Instance);
        RdmaPort far = Open("far", _farBuffers, mode, rxQueues: 1);
        far.SetAdminUp(true);
        Interface egress = Connect(Open("out", _buffers, mode, rxQueues: 1), "198.19.0.254/24");
        _router.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), far.MacAddress);
        Interface ingress = Connect(Open("in", _buffers, mode, Queues), "198.18.0.254/24");

        long start = Stopwatch.GetTimestamp();
        for (ulong changed = 0; _received + Lost(ingress) < Packets; ReadAll(far.RxQueues[0]))
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, $"all packets arrive or are counted as lost: {_received} and {Lost(ingress)} of {Packets}");
            if (changed < _received * (ulong)changes / Packets)
            {
                changed++;
                change(ingress);
            }
        }

        Assert.True(_received > 0, "packets arrive"); // none is lost but where this machine has no time for a thread
    }

    private static NicOptions Nic(string text)
    {
        Assert.True(NicOptions.TryParse(text, out NicOptions options, out string error), error);
        return options;
    }

    private RdmaPort Open(string name, BufferPool buffers, RdmaMode mode, int rxQueues)
    {
        RdmaInterfaceOptions options = new()
        {
            Name = name,
            HostInterface = name + _suffix,
            Mode = mode,
            RxQueues = rxQueues,
            NoMultiSeg = true,
            RxQueueSize = 2048,
            TxQueueSize = 4096,
            Rss4 = Rss4.Ipv4Udp,
        };
        var port = RdmaPort.Create(options, buffers, txQueues: 2, new Random(name.Length));
        _ports.Add(port);
        return port;
    }

    private Interface Connect(RdmaPort port, string address)
    {
        Interface added = _router.AddInterface(port);
        _router.AddAddress(added, TestRouter.Prefix(address));
        _router.SetAdminUp(added, true);
        return added;
    }

    /// <summary>Packets for which there was no rule, because they came while the first were being made.</summary>
    private ulong Unsteered => _nics.Devices["in" + _suffix].Counters[PortCounter.NoMatchNetdevDown];

    /// <summary>Packets that the NICs or the router say they have dropped.</summary>
    private ulong Lost(Interface ingress) =>
        _nics.Devices.Values.Aggregate(0UL, (sum, nic) => sum + nic.Counters[PortCounter.OutOfBuffer])
        + Unsteered
        + ingress.Counters.Drops;

    private void ReadAll(RxQueue queue)
    {
        Span<BufferIndex> packets = stackalloc BufferIndex[256];
        for (int count; (count = queue.Receive(packets)) > 0;)
        {
            foreach (BufferIndex packet in packets[..count])
            {
                Read(_farBuffers.Packet(packet));
            }

            _farBuffers.ReturnPackets(packets[..count]);
        }
    }

    private void Read(ReadOnlySpan<byte> frame)
    {
        if (!GeneratorFrame.IsOne(frame))
        {
            return; // an announcement of the router
        }

        ulong sequence = GeneratorFrame.Sequence(frame);
        int flow = BinaryPrimitives.ReadUInt16BigEndian(frame[GeneratorFrame.SourcePortOffset..]) - FirstFlow;
        Assert.Equal((ulong)flow, sequence % (ulong)_nextOfFlow.Length);
        Assert.True(sequence >= _nextOfFlow[flow], $"packet {sequence} of flow {flow} comes behind a later one");
        _nextOfFlow[flow] = sequence + 1;
        _received++;
    }
}
