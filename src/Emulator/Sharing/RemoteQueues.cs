using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;

namespace Verbena.Emulator.Sharing;

/// <summary>The queues of another process on a port, as the port sees them: frames come from them, flows lead to them.</summary>
/// <remarks>
/// Between the NIC and memory nothing is lost, so a full ring stops the port: the copies of the frame that did not fit wait
/// here, and no other is steered until they have found room. Who does not read for a while is left out, and its frames dropped.
/// All members are called inside the port's gate.
/// </remarks>
internal sealed class RemoteQueues : IDisposable
{
    private const long StallNanoseconds = 100_000_000;

    private readonly Exchange _exchange;
    private readonly Waker _waker;
    private readonly LocalPort _port;
    private readonly ulong _endedBefore;
    private readonly Dictionary<uint, FlowRule> _flows = [];
    private readonly Dictionary<uint, RemoteDestination> _destinations = [];
    private readonly Dictionary<uint, NicContext> _contexts = [];
    private readonly NicContext _withoutFlows = new();
    private readonly FrameBatch _waiting = new();
    private readonly FrameHeader[] _waitingHeaders = new FrameHeader[FrameBatch.Capacity];
    private FrameRingReader _fromQueues;
    private FrameRingWriter _toQueues;
    private ulong _handedOver;
    private int _waitingMoved;
    private long _readBefore;
    private long _stuckSince;
    private bool _isStalled;
    private uint _lastFlow;

    /// <param name="port">The port they are on.</param>
    /// <param name="exchange">The memory that is shared with the process; taken over.</param>
    /// <param name="waker">Wakes the thread of the queues.</param>
    /// <param name="counterSlot">Where the process counts.</param>
    public RemoteQueues(LocalPort port, Exchange exchange, Waker waker, int counterSlot)
    {
        _port = port;
        _exchange = exchange;
        _waker = waker;
        _fromQueues = exchange.ToPortReader;
        _toQueues = exchange.ToQueuesWriter;
        CounterSlot = counterSlot;
        _endedBefore = port.Counters.EndedInQueues(counterSlot);
    }

    public int CounterSlot { get; }

    /// <summary>The memory's descriptor, for the process.</summary>
    public int Descriptor => _exchange.Descriptor;

    /// <summary>True once the process has ended; what it has sent before is still taken.</summary>
    public bool IsGone { get; private set; }

    /// <summary>True if the process has written to the ring what no emulator writes; nothing more is taken from it.</summary>
    public bool IsCorrupt => _fromQueues.IsCorrupt;

    /// <summary>Who has sent a frame, for loopback.</summary>
    public NicContext Sender(uint context) => _contexts.GetValueOrDefault(context) ?? _withoutFlows;

    /// <summary>What the port needs to put a flow in force. The flow has to come to <see cref="Add"/> then, or its destination to <see cref="Forget"/>.</summary>
    public FlowParameters Parameters(in FlowRequest flow)
    {
        if (!_contexts.TryGetValue(flow.Context, out NicContext? context))
        {
            _contexts.Add(flow.Context, context = new NicContext());
        }

        RemoteDestination? destination = null;
        if (flow.Destination != 0 && !_destinations.TryGetValue(flow.Destination, out destination))
        {
            _destinations.Add(flow.Destination, destination = new RemoteDestination(this, context, in flow));
        }

        return flow.ToParameters(context, destination);
    }

    /// <summary>Takes note of a flow, and returns the number by which the process removes it.</summary>
    public uint Add(FlowRule rule)
    {
        if (rule.Parameters.Destination is RemoteDestination destination)
        {
            destination.Flows++;
        }

        _flows.Add(++_lastFlow, rule);
        return _lastFlow;
    }

    /// <summary>Gives a flow back that is to be removed; null: the process has no such flow.</summary>
    public FlowRule? Take(uint number)
    {
        if (_flows.Remove(number, out FlowRule? rule) && rule.Parameters.Destination is RemoteDestination destination)
        {
            destination.Flows--;
            Forget(destination);
        }

        return rule;
    }

    /// <summary>Forgets a destination, if no flow leads to it.</summary>
    public void Forget(FlowDestination? forgotten)
    {
        if (forgotten is RemoteDestination { Flows: 0 } destination)
        {
            _destinations.Remove(destination.Number);
        }
    }

    /// <summary>The process has ended: gives its flows back, and counts what it was given and has not taken.</summary>
    public IReadOnlyCollection<FlowRule> End()
    {
        IsGone = true;
        ClearWaiting();
        ulong taken = _port.Counters.EndedInQueues(CounterSlot) - _endedBefore;
        _port.Counters.Add(PortCounter.EngineGone, _handedOver - Math.Min(taken, _handedOver));
        return _flows.Values;
    }

    /// <summary>Hands a frame over, or lets it wait.</summary>
    public void Deliver(ReadOnlySpan<byte> frame, in FrameHeader header)
    {
        if (_waiting.Count == 0 && _toQueues.TryWrite(frame, in header))
        {
            _handedOver++;
            _isStalled = false;
        }
        else if (_isStalled || !_waiting.HasRoom)
        {
            _port.Counters.Add(PortCounter.EngineStalled);
        }
        else
        {
            _handedOver++;
            _waitingHeaders[_waiting.Count] = header;
            _waiting.Add(frame);
            _port.IsPaused = true;
        }
    }

    /// <summary>Hands over what waits, as far as there is room, and drops it if there has been none for too long.</summary>
    /// <returns>True if some still waits: nothing else must be steered.</returns>
    public bool HandOverWaiting(long nowNanoseconds)
    {
        while (_waitingMoved < _waiting.Count && _toQueues.TryWrite(_waiting[_waitingMoved], in _waitingHeaders[_waitingMoved]))
        {
            _waitingMoved++;
        }

        ulong left = (ulong)(_waiting.Count - _waitingMoved);
        if (left == 0 || _toQueues.Read != _readBefore)
        {
            (_readBefore, _stuckSince) = (_toQueues.Read, nowNanoseconds);
        }
        else if (nowNanoseconds - _stuckSince > StallNanoseconds)
        {
            _handedOver -= left;
            _port.Counters.Add(PortCounter.EngineStalled, left);
            _isStalled = true;
            left = 0;
        }

        if (left == 0)
        {
            ClearWaiting();
        }

        return left > 0;
    }

    /// <summary>Shows the next frame that the queues have sent, if there is one.</summary>
    public bool TryPeek(out FrameHeader header, out ReadOnlySpan<byte> frame) => _fromQueues.TryPeek(out header, out frame);

    /// <summary>Goes on to the next frame.</summary>
    public void Advance(int lengthBytes) => _fromQueues.Advance(lengthBytes);

    /// <summary>Lets the process see how the port is, what it was given and what room it has; wakes it if need be.</summary>
    public void Publish(bool linkIsUp, int mtu)
    {
        ref ExchangeHeader header = ref _exchange.Header;
        if ((header.IsUp != 0) != linkIsUp || header.Mtu != mtu)
        {
            Volatile.Write(ref header.IsUp, linkIsUp ? 1 : 0);
            Volatile.Write(ref header.Mtu, mtu);
        }

        if ((_toQueues.Publish() | _fromQueues.Release()) && !IsGone)
        {
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref header.QueuesSleep) != 0 && Interlocked.Exchange(ref header.QueuesSleep, 0) != 0)
            {
                _waker.Wake();
            }
        }
    }

    /// <summary>The port's thread sleeps from now on, or no more.</summary>
    public void SetPortAsleep(bool asleep) => Volatile.Write(ref _exchange.Header.PortSleeps, asleep ? 1 : 0);

    public void Dispose()
    {
        _exchange.Dispose();
        _waiting.Dispose();
    }

    private void ClearWaiting()
    {
        _waiting.Clear();
        _waitingMoved = 0;
    }
}
