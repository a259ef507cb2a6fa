using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Bench.Replay;

/// <summary>Verbena's driver, in one of its modes.</summary>
internal sealed class DriverSide(string name, Func<RdmaInterfaceOptions, RdmaInterfaceOptions> change) : ReplaySide(name)
{
    private readonly BufferPool _pool = new(Buffers);
    private readonly BufferIndex[] _packets = new BufferIndex[PacketsPerTurn];
    private RdmaPort? _receiver;
    private RdmaPort? _sender;
    private RxQueue _rx = null!;
    private TxQueue _tx = null!;

    public override void Dispose()
    {
        _receiver?.Dispose();
        _sender?.Dispose();
        _pool.Dispose();
    }

    protected override void Open()
    {
        _pool.UseCache(0);
        _receiver = Create(Nics.ReceiverName, new Random(1));
        _receiver.SetAdminUp(true);
        _sender = Create(Nics.SenderName, new Random(2));
        (_rx, _tx) = (_receiver.RxQueues[0], _sender.TxQueues[0]);
    }

    protected override int Receive(int batch)
    {
        Span<BufferIndex> room = _packets;
        int count;
        do
        {
            count = _rx.Receive(room[..Math.Min(batch, room.Length)]);
            room = room[count..];
        }
        while (count > 0 && room.Length > 0);
        return PacketsPerTurn - room.Length;
    }

    protected override void Send(int count, int batch)
    {
        for (ReadOnlySpan<BufferIndex> packets = _packets.AsSpan(0, count); packets.Length > 0;)
        {
            int size = Math.Min(batch, packets.Length);
            if (_tx.Send(packets[..size]) < size)
            {
                throw new InvalidOperationException($"{Name}: the send ring is full, though the NIC has sent all that was in it");
            }

            packets = packets[size..];
        }
    }

    private RdmaPort Create(string hostInterface, Random random) => RdmaPort.Create(
        change(new RdmaInterfaceOptions { Name = hostInterface, HostInterface = hostInterface, RxQueues = 1, RxQueueSize = QueueSize, TxQueueSize = QueueSize }),
        _pool, txQueues: 1, random);
}
