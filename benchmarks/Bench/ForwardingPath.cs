using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>What arrives at rdma-0 through IPv4 lookup and rewrite out of rdma-1, without the worker's thread.</summary>
internal sealed class ForwardingPath : IDisposable
{
    private readonly BufferPool _buffers = new(16384);
    private readonly Port _rdma0;
    private readonly Port _rdma1;

    public ForwardingPath(NicPair nics, RdmaMode mode, int rxQueueSize = 1024)
    {
        Router = new Router(_buffers);
        _rdma0 = Create("rdma-0", nics.ReceiverName, mode, rxQueueSize);
        _rdma1 = Create("rdma-1", nics.SenderName, mode, rxQueueSize);
        Connect(_rdma0, "198.18.0.254/24");
        Interface egress = Connect(_rdma1, "198.19.0.254/24");
        Router.Ip4.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), MacAddress.Parse("02:00:00:00:00:01"));
    }

    public Router Router { get; }

    /// <summary>Packets that rdma-0 has received.</summary>
    public ulong Received => _rdma0.RxQueues[0].Counters.Packets;

    /// <summary>The worker must run no more.</summary>
    public void Dispose()
    {
        Router.Interfaces.Remove(Router.Interfaces.Find("rdma-0")!);
        Router.Interfaces.Remove(Router.Interfaces.Find("rdma-1")!);
        _rdma1.Dispose();
        _rdma0.Dispose();
        Router.Dispose();
        _buffers.Dispose();
    }

    private RdmaPort Create(string name, string hostInterface, RdmaMode mode, int rxQueueSize) => RdmaPort.Create(
        new RdmaInterfaceOptions { Name = name, HostInterface = hostInterface, RxQueues = 1, RxQueueSize = rxQueueSize, Mode = mode, NoMultiSeg = true },
        _buffers, txQueues: 1, new Random(1));

    private Interface Connect(Port port, string address)
    {
        Interface added = Router.Interfaces.Add(port);
        Router.Ip4.AddAddress(added, Ip4Prefix.TryParse(address, out Ip4Prefix prefix) ? prefix : throw new FormatException(address));
        Router.Interfaces.SetAdminUp(added, true);
        return added;
    }
}
