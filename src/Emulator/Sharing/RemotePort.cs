using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Sharing;

/// <summary>A port of another process, as the queues of this one see it: two rings of frames, and a connection to ask by.</summary>
internal sealed unsafe class RemotePort : NicPort
{
    private const long RefreshNanoseconds = 100_000_000;

    private readonly PortClient _client;
    private readonly int _index;
    private readonly Exchange _exchange;
    private readonly SharedMemory _counters;
    private readonly Dictionary<FlowRule, (uint Flow, uint Destination)> _flows = [];
    private readonly DestinationTable _destinations = new();
    private FrameRingReader _fromPort;
    private FrameRingWriter _toPort;
    private long _refreshed;
    private bool _isGone;
    private bool _hasReleased;

    /// <param name="client">The connection; stays the caller's.</param>
    /// <param name="index">Number of the port there.</param>
    /// <param name="options">Its options, with the netdev's address.</param>
    /// <param name="exchange">Descriptor of the memory between port and queues; taken over.</param>
    /// <param name="counters">Descriptor of the counters; taken over.</param>
    /// <param name="counterSlot">Where this process counts.</param>
    public RemotePort(PortClient client, int index, NicOptions options, int exchange, int counters, int counterSlot)
        : this(client, index, options, new Exchange(exchange), new SharedMemory(counters, SharedPort.CounterBytes), counterSlot)
    {
    }

    private RemotePort(PortClient client, int index, NicOptions options, Exchange exchange, SharedMemory counters, int counterSlot)
        : base(options, new PortCounters(counters.Base, SharedPort.CounterSlots, counterSlot))
    {
        _client = client;
        _index = index;
        _exchange = exchange;
        _counters = counters;
        _fromPort = exchange.ToQueuesReader;
        _toPort = exchange.ToPortWriter;
        ReadLink();
    }

    public override IEnumerable<int> PollDescriptors => [_client.QueuesWaker.Descriptor];

    public override MacAddress MacAddress => Options.Address;

    public override int Mtu => Volatile.Read(ref _exchange.Header.Mtu);

    /// <summary>When nobody takes frames any more they are dropped, as without carrier.</summary>
    public override int SendRoom => _isGone ? FrameBatch.Capacity : Math.Min(FrameBatch.Capacity, _toPort.FreeRecords);

    public override void SetAsleep(bool asleep)
    {
        Volatile.Write(ref _exchange.Header.QueuesSleep, asleep ? 1 : 0);
        if (!asleep)
        {
            _client.QueuesWaker.Clear();
        }
    }

    public override void SetCarrier(bool up) => _client.Ask(new Request { Kind = RequestKind.SetCarrier, Port = _index, Number = up ? 1u : 0 });

    public override FlowRule AddFlow(FlowParameters parameters)
    {
        uint destination = Number(parameters.Destination); // before the first frame comes for it
        try
        {
            uint flow = _client.Ask(new Request { Kind = RequestKind.AddFlow, Port = _index, Flow = FlowRequest.Of(parameters, destination) });
            return Keep(new FlowRule(parameters), flow, destination);
        }
        catch (NicException)
        {
            Forget(destination);
            throw;
        }
    }

    public override void RemoveFlow(FlowRule rule)
    {
        (uint flow, uint destination) = Take(rule);
        try
        {
            _client.Ask(new Request { Kind = RequestKind.RemoveFlow, Port = _index, Number = flow });
        }
        catch (NicException)
        {
            // the port is gone, and the flow with it
        }

        Forget(destination);
    }

    public override Span<byte> Reserve() => _toPort.Reserve();

    public override void Send(int lengthBytes, NicContext sender)
    {
        if (_isGone)
        {
            Counters.Add(PortCounter.QueueSent);
            Counters.Add(PortCounter.TxCarrierDown);
        }
        else
        {
            _toPort.Commit(new FrameHeader { Length = lengthBytes, Owner = sender.Number });
        }
    }

    /// <exception cref="InvalidOperationException">The port has written what no port writes.</exception>
    public override bool Receive(long nowNanoseconds)
    {
        ReadLink();
        int taken = 0;
        while (taken < FrameBatch.Capacity && _fromPort.TryPeek(out FrameHeader header, out ReadOnlySpan<byte> frame))
        {
            Deliver(frame, in header);
            _fromPort.Advance(header.Length);
            taken++;
        }

        _hasReleased = _fromPort.Release();
        return !_fromPort.IsCorrupt ? taken > 0 : throw new InvalidOperationException("the memory that is shared with the port was written over");
    }

    public override bool Finish(bool busy, long nowNanoseconds)
    {
        if (_toPort.Publish() || _hasReleased)
        {
            WakePort();
        }

        if (nowNanoseconds - _refreshed > RefreshNanoseconds)
        {
            _refreshed = nowNanoseconds;
            _isGone = _client.IsClosed;
        }

        return busy;
    }

    protected override void Dispose(bool disposing)
    {
        Counters.Detach();
        _counters.Dispose();
        _exchange.Dispose();
    }

    private void ReadLink() =>
        UpdateLink(new LinkState(Volatile.Read(ref _exchange.Header.IsUp) != 0 && !_isGone, (ulong)Options.SpeedGbps * 1_000_000_000));

    private void Deliver(ReadOnlySpan<byte> frame, in FrameHeader header)
    {
        if (_destinations.Find(header.Owner) is { } destination)
        {
            FrameInfo.Parse(frame, out FrameInfo info);
            destination.Deliver(frame, in info.Layout, header.Tag, header.Timestamp);
        }
        else
        {
            Counters.Add(PortCounter.RxQueueNotReady); // its flow went while the frame was on its way
        }
    }

    private void WakePort()
    {
        Interlocked.MemoryBarrier(); // published first, then looked
        ref int sleeps = ref _exchange.Header.PortSleeps;
        if (Volatile.Read(ref sleeps) != 0 && Interlocked.Exchange(ref sleeps, 0) != 0)
        {
            _client.PortWaker!.Wake();
        }
    }

    /// <summary>0: no destination.</summary>
    private uint Number(FlowDestination? destination)
    {
        using Lock.Scope scope = Gate.EnterCall();
        return destination is null ? 0 : _destinations.Add(destination);
    }

    private void Forget(uint destination)
    {
        using Lock.Scope scope = Gate.EnterCall();
        if (destination != 0)
        {
            _destinations.Remove(destination);
        }
    }

    private FlowRule Keep(FlowRule rule, uint flow, uint destination)
    {
        using Lock.Scope scope = Gate.EnterCall();
        _flows.Add(rule, (flow, destination));
        return rule;
    }

    private (uint Flow, uint Destination) Take(FlowRule rule)
    {
        using Lock.Scope scope = Gate.EnterCall();
        _flows.Remove(rule, out (uint, uint) numbers);
        return numbers;
    }
}
