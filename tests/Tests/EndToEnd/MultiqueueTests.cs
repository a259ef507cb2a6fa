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
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.EndToEnd;

/// <summary>
/// Numbered packets of many flows, from a port by a cable to eight receive queues, through two workers with their threads, and out by
/// a cable to a port that reads every one.
/// </summary>
/// <remarks>No more are on their way than the rings hold, however long a thread waits for a processor: none may be lost.</remarks>
[Collection(EmulatedNicCollection.Name)]
public sealed class MultiqueueTests : IDisposable
{
    private const int Queues = 8;
    private const ulong Packets = 100_000;
    private const ulong FullRings = 1024; // packets on their way: any queue can hold them all
    private const ulong Few = 64; // workers run dry again and again
    private const int SourcePort = EthernetHeader.Size + Ip4Header.Size; // UDP's, which tells the flow
    private const int Sequence = SourcePort + 8; // first in the payload
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
    private ulong _sent;

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
        Forward(mode, flows: 10_000, FullRings, changes: 0, _ => { });
        RdmaPort near = _ports[^1];
        double share = near.RxQueues.Sum(queue => (double)queue.Counters.Packets) / Queues;
        Assert.All(near.RxQueues, queue => Assert.InRange(queue.Counters.Packets, 0.8 * share, 1.2 * share));
        Assert.All(_ports[^2].TxQueues, queue => Assert.True(queue.Counters.Packets > Packets / 10, "both workers have sent"));
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void No_packet_overtakes_another_when_its_queue_changes_the_worker(RdmaMode mode)
    {
        var random = new Random(1);
        Forward(mode, flows: 16, FullRings, changes: 200, ingress =>
            _router.SetRxPlacement(ingress, random.Next(Queues), _router.Workers[random.Next(2)]));
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void Workers_that_sleep_now_and_then_forward_every_packet(RdmaMode mode)
    {
        int changes = 0;
        RxMode[] modes = [RxMode.Interrupt, RxMode.Adaptive, RxMode.Interrupt, RxMode.Polling];
        Forward(mode, flows: 16, Few, changes: 20, ingress => _router.SetRxMode(ingress, queue: null, modes[changes++ % modes.Length]));
        Assert.True(changes > modes.Length, "each mode had its turn");
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void No_packet_is_lost_doubled_or_overtaken_when_the_key_and_table_are_made_anew(RdmaMode mode)
    {
        Forward(mode, flows: 16, FullRings, changes: 100, _ => _ports[^1].SetRss(_ports[^1].Rss));
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

    /// <summary>Forwards all packets, none of which may be lost, and changes something at the ingress now and then.</summary>
    private void Forward(RdmaMode mode, int flows, ulong onTheirWay, int changes, Action<Interface> change)
    {
        _nextOfFlow = new ulong[flows];
        _nics = EmulatedNics.Attach([Nic("source"), Nic("in", "source"), Nic("out", "far"), Nic("far")], NullLogger.Instance);
        RdmaPort source = Open("source", _farBuffers, mode, rxQueues: 1);
        RdmaPort far = Open("far", _farBuffers, mode, rxQueues: 1);
        far.SetAdminUp(true);
        ReadAll(far.RxQueues[0]); // gives the NIC its first buffers
        Interface egress = Connect(Open("out", _buffers, mode, rxQueues: 1), "198.19.0.254/24");
        _router.Ip4.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), far.MacAddress);
        RdmaPort near = Open("in", _buffers, mode, Queues);
        Interface ingress = Connect(near, "198.18.0.254/24");
        Assert.True(SpinWait.SpinUntil(() => near.RxQueues.All(queue => !queue.WantsBuffers), s_patience), "the workers give the NIC buffers");

        byte[] frame = Frames.Udp("198.18.0.1", "198.19.0.1", near.MacAddress.ToString());
        long start = Stopwatch.GetTimestamp();
        for (ulong changed = 0; _received + Lost(ingress) < Packets; ReadAll(far.RxQueues[0]))
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, $"all packets arrive or are counted as lost: {_received} and {Lost(ingress)} of {Packets}");
            SendUntil(Math.Min(_received + onTheirWay, Packets), source.TxQueues[0], frame);
            if (changed < _received * (ulong)changes / Packets)
            {
                changed++;
                change(ingress);
            }
        }

        Assert.Equal((Packets, 0UL), (_received, Lost(ingress)));
    }

    private NicOptions Nic(string name, string? cableTo = null) =>
        cableTo is null ? new(name + _suffix) : new(name + _suffix) { Wire = new CableOptions(cableTo + _suffix) };

    /// <summary>Sends copies of a frame, with numbers from the last one on to before <paramref name="end"/>, each to the next flow.</summary>
    private void SendUntil(ulong end, TxQueue queue, byte[] frame)
    {
        Span<BufferIndex> packets = stackalloc BufferIndex[(int)Math.Min(end - _sent, 64)];
        packets = packets[.._farBuffers.Take(packets)];
        for (int i = 0; i < packets.Length; i++)
        {
            ulong number = _sent + (ulong)i;
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(SourcePort), (ushort)(number % (ulong)_nextOfFlow.Length));
            BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(Sequence), number);
            _farBuffers.SetPacket(packets[i], frame);
        }

        int taken = queue.Send(packets);
        _farBuffers.Return(packets[taken..]);
        _sent += (ulong)taken;
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
        Interface added = _router.Interfaces.Add(port);
        _router.Ip4.AddAddress(added, TestRouter.Prefix(address));
        _router.Interfaces.SetAdminUp(added, true);
        return added;
    }

    /// <summary>Packets that the NICs or the router say they have dropped.</summary>
    private ulong Lost(Interface ingress) =>
        _nics.Devices.Values.Aggregate(0UL, (sum, nic) => sum + nic.Counters[PortCounter.OutOfBuffer])
        + _nics.Devices["in" + _suffix].Counters[PortCounter.NoMatchNetdevDown]
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
        if (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != EtherType.Ip4)
        {
            return; // an announcement of the router
        }

        ulong sequence = BinaryPrimitives.ReadUInt64BigEndian(frame[Sequence..]);
        int flow = BinaryPrimitives.ReadUInt16BigEndian(frame[SourcePort..]);
        Assert.Equal((ulong)flow, sequence % (ulong)_nextOfFlow.Length);
        Assert.True(sequence >= _nextOfFlow[flow], $"packet {sequence} of flow {flow} comes behind a later one");
        _nextOfFlow[flow] = sequence + 1;
        _received++;
    }
}
