using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>
/// 64-byte frames from a generator inside the NIC through rdma-0, IPv4 lookup and rewrite, out of rdma-1 to a sink: what is
/// measured, on its own or in the hands of two threads.
/// </summary>
internal sealed class ForwardingPath : IDisposable
{
    private const string Ingress = "bench0";
    private const string Egress = "bench1";

    private readonly BufferPool _buffers = new(16384);
    private readonly Port _rdma0;
    private readonly Port _rdma1;

    /// <summary>Makes all of it but the worker's thread; <paramref name="stepped"/> NICs have none either.</summary>
    public ForwardingPath(bool stepped)
    {
        Nics = EmulatedNics.Attach(
            [Nic($"{Ingress},wire=generator:size=64:flows=64"), Nic($"{Egress},wire=sink")], NullLogger.Instance, stepped);
        Router = new Router(_buffers);
        _rdma0 = Create("rdma-0", Ingress);
        _rdma1 = Create("rdma-1", Egress);
        Connect(_rdma0, "198.18.0.254/24");
        Interface egress = Connect(_rdma1, "198.19.0.254/24");
        Router.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), MacAddress.Parse("02:00:00:00:00:01"));
    }

    public EmulatedNics Nics { get; }

    public Router Router { get; }

    /// <summary>Frames that the wire has offered to rdma-0.</summary>
    public double Offered => Nics.Devices[Ingress].Counters[PortCounter.WireReceived];

    /// <summary>Those for which its queue had no buffer.</summary>
    public double OutOfBuffer => Nics.Devices[Ingress].Counters[PortCounter.OutOfBuffer];

    /// <summary>Frames that left by rdma-1.</summary>
    public double Forwarded => Nics.Devices[Egress].Counters[PortCounter.WireSent];

    /// <summary>The worker must run no more.</summary>
    public void Dispose()
    {
        Router.Remove(Router.FindInterface("rdma-0")!);
        Router.Remove(Router.FindInterface("rdma-1")!);
        _rdma1.Dispose();
        _rdma0.Dispose();
        Router.Dispose();
        _buffers.Dispose();
        Nics.Dispose();
    }

    private static NicOptions Nic(string text) =>
        NicOptions.TryParse(text, out NicOptions options, out string error) ? options : throw new InvalidOperationException(error);

    private RdmaPort Create(string name, string hostInterface) => RdmaPort.Create(
        new RdmaInterfaceOptions { Name = name, HostInterface = hostInterface, RxQueues = 1 }, _buffers, txQueues: 1, new Random(1));

    private Interface Connect(Port port, string address)
    {
        Interface added = Router.AddInterface(port);
        Router.AddAddress(added, Ip4Prefix.TryParse(address, out Ip4Prefix prefix) ? prefix : throw new FormatException(address));
        Router.SetAdminUp(added, true);
        return added;
    }
}
