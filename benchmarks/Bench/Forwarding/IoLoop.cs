using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Bench.Forwarding;

/// <summary>What testpmd calls "io": from one port to the other, the packets unseen, up to 64 at once.</summary>
internal sealed class IoLoop : IForwardingLoop
{
    private const int Burst = 64;

    private readonly BufferPool _pool = new(8192);
    private readonly BufferIndex[] _packets = new BufferIndex[Burst];
    private readonly RdmaPort _receiver;
    private readonly RdmaPort _sender;
    private readonly RxQueue _rx;
    private readonly TxQueue _tx;

    /// <param name="nics">From the first to the second.</param>
    /// <param name="change">What the ports are to be like.</param>
    public IoLoop(NicPair nics, Func<RdmaInterfaceOptions, RdmaInterfaceOptions> change)
    {
        _receiver = Create(nics.ReceiverName, new Random(1));
        _sender = Create(nics.SenderName, new Random(2));
        (_rx, _tx) = (_receiver.RxQueues[0], _sender.TxQueues[0]);
        _receiver.SetAdminUp(true);

        RdmaPort Create(string hostInterface, Random random) => RdmaPort.Create(
            change(new RdmaInterfaceOptions { Name = hostInterface, HostInterface = hostInterface, RxQueues = 1 }), _pool, txQueues: 1, random);
    }

    public void AttachThread() => _pool.UseCache(0);

    public int Turn()
    {
        int received = _rx.Receive(_packets);
        if (received == 0)
        {
            _tx.Reclaim();
            return 0;
        }

        int sent = _tx.Send(_packets.AsSpan(0, received));
        _pool.ReturnPackets(_packets.AsSpan(sent, received - sent));
        return received;
    }

    public void Dispose()
    {
        _receiver.Dispose();
        _sender.Dispose();
        _pool.Dispose();
    }
}
