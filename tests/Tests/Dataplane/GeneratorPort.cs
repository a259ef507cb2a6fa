using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>A port that always has a full burst of the same frames, and sends without keeping anything. It allocates nothing.</summary>
internal sealed class GeneratorPort(BufferPool buffers, string name, string macAddress, params byte[][] frames) : Port
{
    private RxQueue[] _rx = [new GeneratorRxQueue(buffers, frames)];
    private TxQueue[] _tx = [new CountingTxQueue(buffers)];

    /// <summary>How many queues it has of each kind.</summary>
    public int Queues
    {
        init
        {
            _rx = [.. Enumerable.Range(0, value).Select(_ => new GeneratorRxQueue(buffers, frames))];
            _tx = [.. Enumerable.Range(0, value).Select(_ => new CountingTxQueue(buffers))];
        }
    }

    public override string Name => name;

    public override MacAddress MacAddress { get; } = MacAddress.Parse(macAddress);

    public override LinkState Link => new(IsUp: true, SpeedBitsPerSecond: 0);

    public override int MaxFrameBytes => 1514;

    public override IReadOnlyList<RxQueue> RxQueues => _rx;

    public override IReadOnlyList<TxQueue> TxQueues => _tx;

    public override IReadOnlyList<string> Describe() => [];

    public override void SetAdminUp(bool up)
    {
    }

    public override void SetMacAddress(MacAddress address)
    {
    }

    public override void SetSecondaryMacAddresses(IReadOnlyList<MacAddress> addresses)
    {
    }

    public override void SetAllMulticast(bool on)
    {
    }

    public override void SetPromiscuous(bool on)
    {
    }

    public override void ReadEvents()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class GeneratorRxQueue(BufferPool buffers, byte[][] frames) : RxQueue
    {
        private ulong _packets;

        public override RxCounters Counters => new(_packets, 0, 0, 0);

        public override int Receive(Span<BufferIndex> packets)
        {
            int count = frames.Length == 0 ? 0 : buffers.Take(packets);
            for (int i = 0; i < count; i++)
            {
                buffers.SetPacket(packets[i], frames[i % frames.Length]);
            }

            _packets += (uint)count;
            return count;
        }
    }

    private sealed class CountingTxQueue(BufferPool buffers) : TxQueue
    {
        private ulong _packets;

        public override bool IsEmpty => true;

        public override TxCounters Counters => new(_packets, 0, 0);

        public override int Send(ReadOnlySpan<BufferIndex> packets)
        {
            buffers.Return(packets);
            _packets += (uint)packets.Length;
            return packets.Length;
        }

        public override void Reclaim()
        {
        }
    }
}
