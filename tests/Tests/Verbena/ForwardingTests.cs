using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Verbena;

/// <summary>A router between two emulated NICs, a generator behind the one and a sink behind the other, all stepped by the test.</summary>
[Collection("emulated NIC")]
public sealed class ForwardingTests : IDisposable
{
    private readonly string _suffix = Guid.NewGuid().ToString("N")[..8];
    private readonly EmulatedNics _nics;
    private readonly BufferPool _buffers = new(4096);
    private readonly Router _router;
    private readonly List<Port> _ports = [];
    private long _now = 1;

    public ForwardingTests()
    {
        _nics = EmulatedNics.Attach(
            [Nic($"in{_suffix},wire=generator:size=64:flows=64"), Nic($"out{_suffix},wire=sink")], NullLogger.Instance, stepped: true);
        _router = new Router(_buffers);
        Connect("in", "198.18.0.254/24");
        Interface egress = Connect("out", "198.19.0.254/24");
        _router.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), MacAddress.Parse("02:00:00:00:00:01"));
    }

    private ulong Forwarded => _nics.Devices["out" + _suffix].Counters[PortCounter.WireSent];

    [Fact]
    public void The_worker_allocates_nothing_while_it_forwards_a_million_packets()
    {
        Assert.True(Forward(10_000) >= 0, "what is made at the first packet is made by now");
        Assert.Equal(0, Forward(1_000_000));
    }

    public void Dispose()
    {
        _ports.ForEach(port => _router.Remove(_router.FindInterface(port.Name)!));
        _ports.ForEach(port => port.Dispose());
        _router.Dispose();
        int free = _buffers.FreeCount;
        _buffers.Dispose();
        _nics.Dispose();
        Assert.Equal(4096, free);
    }

    /// <summary>Runs NICs and worker in turns until so many packets more have left, and returns the bytes that the worker allocated.</summary>
    private long Forward(ulong packets)
    {
        ulong end = Forwarded + packets;
        long allocated = 0;
        for (ulong turn = 0; Forwarded < end; turn++)
        {
            Assert.True(turn < packets, "packets leave");
            _nics.Step();
            long before = GC.GetAllocatedBytesForCurrentThread();
            _router.Workers[0].RunOnce(_now += 1_000);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return allocated;
    }

    private static NicOptions Nic(string text)
    {
        Assert.True(NicOptions.TryParse(text, out NicOptions options, out string error), error);
        return options;
    }

    private Interface Connect(string name, string address)
    {
        RdmaInterfaceOptions options = new() { Name = name, HostInterface = name + _suffix, RxQueues = 1 };
        Port port = RdmaPort.Create(options, _buffers, txQueues: 1, new Random(1));
        _ports.Add(port);
        Interface added = _router.AddInterface(port);
        Assert.True(Ip4Prefix.TryParse(address, out Ip4Prefix prefix));
        _router.AddAddress(added, prefix);
        _router.SetAdminUp(added, true);
        return added;
    }
}
