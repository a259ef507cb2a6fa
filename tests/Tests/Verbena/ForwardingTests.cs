using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.L2;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Driver;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Verbena;

/// <summary>A router or bridge between two emulated NICs, a generator behind the one and a sink behind the other, all stepped by the test.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class ForwardingTests : IDisposable
{
    private const int Few = 100_000;

    private readonly string _suffix = Guid.NewGuid().ToString("N")[..8];
    private readonly BufferPool _buffers = new(4096);
    private readonly Router _router;
    private readonly List<RdmaPort> _ports = [];
    private EmulatedNics _nics = null!;
    private long _now = 1;

    public ForwardingTests() => _router = new Router(_buffers);

    private ulong Forwarded => _nics.Devices["out" + _suffix].Counters[PortCounter.WireSent];

    [Fact]
    public void The_worker_allocates_nothing_while_it_forwards_a_million_packets()
    {
        Route(PortForm.OneBufferHash);
        ForwardWithoutAllocation(1_000_000);
    }

    [Theory]
    [InlineData(nameof(PortForm.Ibv))]
    [InlineData(nameof(PortForm.OneBuffer))]
    [InlineData(nameof(PortForm.OneBufferChecksum))]
    [InlineData(nameof(PortForm.Scattered))]
    [InlineData(nameof(PortForm.ScatteredHash))]
    [InlineData(nameof(PortForm.Striding))]
    [InlineData(nameof(PortForm.StridingStrideIndex))]
    [InlineData(nameof(PortForm.ConnectX4))]
    public void The_worker_allocates_nothing_whatever_the_mode_and_layout(string form)
    {
        Route(PortForm.Named(form));
        ForwardWithoutAllocation(Few);
    }

    [Theory]
    [InlineData(nameof(PortForm.Ibv))]
    [InlineData(nameof(PortForm.StridingStrideIndex))]
    public void The_worker_allocates_nothing_while_it_bridges_and_floods(string form)
    {
        (Interface ingress, Interface egress) = Connect(PortForm.Named(form));
        BridgeDomain domain = _router.Bridging.Create(1);
        _router.Bridging.Join(ingress, domain);
        _router.Bridging.Join(egress, domain);
        ForwardWithoutAllocation(Few); // nobody knows the destination

        _router.Bridging.AddAddress(domain, ingress.MacAddress, egress, isStatic: true);
        ForwardWithoutAllocation(Few);

        _router.Bridging.CrossConnect(ingress, egress);
        ForwardWithoutAllocation(Few);
    }

    public void Dispose()
    {
        _ports.ForEach(port => _router.Interfaces.Remove(_router.Interfaces.Find(port.Name)!));
        _ports.ForEach(port => port.Dispose());
        _router.Dispose();
        int free = _buffers.FreeCount;
        _buffers.Dispose();
        _nics.Dispose();
        Assert.Equal(4096, free);
    }

    private void ForwardWithoutAllocation(ulong packets)
    {
        Assert.True(Forward(10_000) >= 0, "what is made at the first packet is made by now");
        Assert.Equal(0, Forward(packets));
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
            _router.Maintain(_now);
            long before = GC.GetAllocatedBytesForCurrentThread();
            _router.Workers[0].RunOnce(_now += 1_000);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return allocated;
    }

    private void Route(PortForm form)
    {
        (Interface ingress, Interface egress) = Connect(form);
        AddAddress(ingress, "198.18.0.254/24");
        AddAddress(egress, "198.19.0.254/24");
        _router.Ip4.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), MacAddress.Parse("02:00:00:00:00:01"));
    }

    private (Interface Ingress, Interface Egress) Connect(PortForm form)
    {
        _nics = EmulatedNics.Attach(
            [Nic($"in{_suffix},wire=generator:size=64:flows=64", form), Nic($"out{_suffix},wire=sink", form)], NullLogger.Instance, stepped: true);
        return (AddInterface("in" + _suffix, form), AddInterface("out" + _suffix, form));
    }

    private static NicOptions Nic(string text, PortForm form)
    {
        Assert.True(NicOptions.TryParse(text, out NicOptions options, out string error), error);
        return options with { Behaviour = form.Behaviour ?? new NicBehaviour(), Model = form.Model ?? NicModel.ConnectX5Ex, Mtu = 9000 };
    }

    private Interface AddInterface(string host, PortForm form)
    {
        var port = RdmaPort.Create(form.Change(CabledPorts.Options(host)) with { RxQueues = 1 }, _buffers, txQueues: 1, new Random(host.Length));
        _ports.Add(port);
        Interface added = _router.Interfaces.Add(port);
        _router.Interfaces.SetAdminUp(added, true);
        return added;
    }

    private void AddAddress(Interface target, string address)
    {
        Assert.True(Ip4Prefix.TryParse(address, out Ip4Prefix prefix));
        _router.Ip4.AddAddress(target, prefix);
    }
}
