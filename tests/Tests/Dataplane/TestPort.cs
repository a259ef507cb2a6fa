using Verbena.Packets;
using Verbena.Tests.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>A port whose wire is two lists: what tests put in is received, what the router sends is kept.</summary>
internal class TestPort : Port
{
    /// <summary>What Linux's interface on each of these ports has.</summary>
    public const string HostMac = "02:00:00:00:77:77";

    private readonly ListRxQueue _rx;
    private readonly ListTxQueue _tx;
    private MacAddress _macAddress;

    public TestPort(BufferPool buffers, string name, string macAddress, int txCapacity = int.MaxValue, int maxFrameBytes = 1514)
    {
        MaxFrameBytes = maxFrameBytes;
        Name = name;
        _macAddress = MacAddress.Parse(macAddress);
        _rx = new ListRxQueue(buffers);
        _tx = new ListTxQueue(buffers, txCapacity);
    }

    public override string Name { get; }

    public override string NicPort => SharedPort ?? Name;

    /// <summary>The port of a NIC that it has in common with others, if it has.</summary>
    public string? SharedPort { get; init; }

    public override MacAddress MacAddress => _macAddress;

    public override LinkState Link => new(IsUp: true, SpeedBitsPerSecond: 100_000_000_000);

    public override int MaxFrameBytes { get; }

    public override IReadOnlyList<RxQueue> RxQueues => [_rx];

    public override IReadOnlyList<TxQueue> TxQueues => [_tx];

    public bool IsAdminUp { get; private set; }

    public bool IsPromiscuous { get; private set; }

    public bool IsAllMulticast { get; private set; } = true;

    public IReadOnlyList<MacAddress> SecondaryMacAddresses { get; private set; } = [];

    public override MacAddress? HostMacAddress => MacAddress.Parse(HostMac);

    /// <summary>What the NIC says about the frames that it receives.</summary>
    public BufferFlags ReceivedFlags
    {
        get => _rx.Flags;
        set => _rx.Flags = value;
    }

    /// <summary>Frames that have arrived and not been received yet.</summary>
    public Queue<byte[]> Arriving => _rx.Frames;

    /// <summary>Frames that the router has sent.</summary>
    public List<byte[]> Sent => _tx.Frames;

    /// <summary>Whether the transmit queue has stopped for good.</summary>
    public bool TxIsStopped
    {
        set => _tx.Stop(value);
    }

    public override IReadOnlyList<string> Describe() => [];

    public override void SetAdminUp(bool up) => IsAdminUp = up;

    public override void SetMacAddress(MacAddress address) => _macAddress = address;

    public override void SetSecondaryMacAddresses(IReadOnlyList<MacAddress> addresses) => SecondaryMacAddresses = addresses;

    public override void SetAllMulticast(bool on) => IsAllMulticast = on;

    /// <summary>What the port says when it is to become promiscuous; null: nothing, it does.</summary>
    public string? PromiscuousRefusal { get; set; }

    public override void SetPromiscuous(bool on) =>
        IsPromiscuous = on && PromiscuousRefusal is { } refusal ? throw new InvalidOperationException(refusal) : on;

    public override void ReadEvents()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class ListRxQueue(BufferPool buffers) : RxQueue
    {
        private ulong _packets;
        private ulong _bytes;
        private ulong _noBuffer;

        public Queue<byte[]> Frames { get; } = [];

        public BufferFlags Flags { get; set; }

        public override RxCounters Counters => new(_packets, _bytes, _noBuffer, 0);

        public override int Receive(Span<BufferIndex> packets)
        {
            int count = 0;
            while (count < packets.Length && Frames.TryPeek(out byte[]? frame))
            {
                if (!buffers.TryTake(out packets[count]))
                {
                    _noBuffer++;
                    break;
                }

                _ = Frames.Dequeue();
                buffers.SetChain(packets[count], frame);
                buffers.Header(packets[count++]).Flags |= Flags;
                _packets++;
                _bytes += (ulong)frame.Length;
            }

            return count;
        }
    }

    private sealed class ListTxQueue(BufferPool buffers, int capacity) : TxQueue
    {
        private bool _isStopped;
        private ulong _packets;
        private ulong _bytes;

        public List<byte[]> Frames { get; } = [];

        public override bool IsEmpty => true;

        public override bool IsStopped => _isStopped;

        public override TxCounters Counters => new(_packets, _bytes, 0);

        public override int Send(ReadOnlySpan<BufferIndex> packets)
        {
            int count = _isStopped ? 0 : Math.Min(packets.Length, capacity - Frames.Count);
            foreach (BufferIndex packet in packets[..count])
            {
                byte[] frame = new byte[buffers.PacketBytes(packet)];
                buffers.CopyTo(packet, 0, frame);
                Frames.Add(frame);
                _packets++;
                _bytes += (ulong)frame.Length;
                buffers.ReturnPackets([packet]);
            }

            return count;
        }

        public void Stop(bool value) => _isStopped = value;

        public override void Reclaim()
        {
        }
    }
}
