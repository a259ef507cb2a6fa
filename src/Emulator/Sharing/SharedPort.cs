using Microsoft.Extensions.Logging;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Sharing;

/// <summary>A port whose queues are in other processes, several at a time.</summary>
/// <remarks>Steering between processes is as between the queues of one: there is one table of flows.</remarks>
public sealed unsafe partial class SharedPort : INicUnit, IPortStatus, IDisposable
{
    /// <summary>How many processes can be on a port, and the port's own slot of counters.</summary>
    internal const int CounterSlots = 256;

    private readonly LocalPort _port;
    private readonly SharedMemory _counters;
    private readonly Waker _waker;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly bool[] _counterSlots = new bool[CounterSlots];
    private RemoteQueues[] _queues = [];
    private int _first;
    private bool _hasFailed;

    /// <param name="options">Name, wire, address, speed.</param>
    /// <param name="cables">The panel that all ports share.</param>
    /// <param name="netdev">Its netdev; taken over.</param>
    /// <param name="waker">Wakes the thread that steps the port.</param>
    /// <param name="logger">Gets what the port has to say; never from the path of a frame.</param>
    /// <param name="time">Clock of time stamps and of waiting.</param>
    internal SharedPort(NicOptions options, PatchPanel cables, HostNetdev netdev, Waker waker, ILogger logger, TimeProvider time)
    {
        _waker = waker;
        _logger = logger;
        _time = time;
        _counters = new SharedMemory("verbena-counters", CounterBytes);
        _counterSlots[0] = true;
        try
        {
            _port = new LocalPort(options, cables, time, netdev, new PortCounters(_counters.Base, CounterSlots, 0));
        }
        catch
        {
            _counters.Dispose();
            throw;
        }
    }

    public NicOptions Options => _port.Options;

    /// <summary>Address of the netdev.</summary>
    public MacAddress MacAddress => _port.MacAddress;

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    public int Mtu => _port.Mtu;

    public LinkState Link => _port.Link;

    /// <summary>How often <see cref="Link"/> has gone down.</summary>
    public ulong TimesDown => _port.TimesDown;

    /// <summary>What the port and the queues of all processes have counted, also of those that are gone.</summary>
    public PortCounters Counters => _port.Counters;

    /// <summary>What the cable leads to.</summary>
    public Wire Wire => _port.Wire;

    /// <summary>How many processes have joined and not ended.</summary>
    public int Processes
    {
        get
        {
            using Lock.Scope scope = _port.Gate.EnterCall();
            return _queues.Count(queues => !queues.IsGone);
        }
    }

    internal static int CounterBytes => CounterSlots * PortCounters.SlotBytes;

    /// <summary>The counters' descriptor, for the processes.</summary>
    internal int CountersDescriptor => _counters.Descriptor;

    IEnumerable<int> INicUnit.PollDescriptors => [.. _port.PollDescriptors, _waker.Descriptor];

    bool INicUnit.HasToLook => _port.HasToLook;

    /// <summary>Makes carrier go, whatever the wire says, or lets the wire decide again.</summary>
    public void SetCarrier(bool up) => _port.SetCarrier(up);

    /// <summary>Puts an embedded switch between port and wire, if there is none yet.</summary>
    internal EmbeddedSwitch Virtualize() => _port.Virtualize();

    /// <summary>Does one bounded pass over wire, netdev and what the queues have sent, and says whether there was anything to do.</summary>
    public bool Step()
    {
        using Lock.Scope scope = _port.Gate.EnterPass();
        if (_hasFailed)
        {
            return false;
        }

        long now = _time.GetTimestamp() * (1_000_000_000 / _time.TimestampFrequency);
        HandOverWaiting(now);
        bool busy = _port.Receive(now);
        busy |= TakeFromQueues();
        busy |= _port.Finish(busy, now);
        foreach (RemoteQueues queues in _queues)
        {
            queues.Publish(_port.Link.IsUp, _port.Mtu);
        }

        return busy;
    }

    public void Dispose()
    {
        using (_port.Gate.EnterCall())
        {
            _hasFailed = true;
            Array.ForEach(_queues, queues => queues.Dispose());
            _queues = [];
            _port.Dispose();
            Counters.Detach();
            _counters.Dispose();
        }
    }

    void INicUnit.SetAsleep(bool asleep)
    {
        using Lock.Scope scope = _port.Gate.EnterPass();
        foreach (RemoteQueues queues in _queues)
        {
            queues.SetPortAsleep(asleep);
        }

        if (!asleep)
        {
            _waker.Clear();
        }
    }

    void INicUnit.Fail(Exception reason)
    {
        _hasFailed = true;
        _port.Vport?.Unplug();
        LogFailed(Options.Name, reason);
    }

    /// <summary>A process comes: makes what is between its queues and the port.</summary>
    /// <exception cref="InvalidOperationException">There are too many, or no memory.</exception>
    internal RemoteQueues Attach(Waker waker)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        int slot = Array.IndexOf(_counterSlots, false);
        if (slot < 0)
        {
            throw new InvalidOperationException($"{Options.Name} has {CounterSlots - 1} processes, and takes no more");
        }

        RemoteQueues queues = new(_port, new Exchange(), waker, slot);
        queues.Publish(_port.Link.IsUp, _port.Mtu);
        _counterSlots[slot] = true;
        _queues = [.. _queues, queues];
        return queues;
    }

    /// <summary>A process has ended, or goes: its flows go at once, and what it has sent before still goes out.</summary>
    internal void Detach(RemoteQueues queues)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        foreach (FlowRule rule in queues.End())
        {
            _port.RemoveFlow(rule);
        }
    }

    /// <summary>Puts a flow in force, and returns the number by which it is removed.</summary>
    /// <exception cref="NicException">As a kernel answers.</exception>
    internal uint AddFlow(RemoteQueues queues, in FlowRequest flow)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        FlowParameters parameters = queues.Parameters(in flow);
        try
        {
            return queues.Add(_port.AddFlow(parameters));
        }
        catch (NicException)
        {
            queues.Forget(parameters.Destination);
            throw;
        }
    }

    internal void RemoveFlow(RemoteQueues queues, uint number)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        if (queues.Take(number) is { } rule)
        {
            _port.RemoveFlow(rule);
        }
    }

    private void HandOverWaiting(long now)
    {
        _port.IsPaused = false;
        foreach (RemoteQueues queues in _queues)
        {
            _port.IsPaused |= queues.HandOverWaiting(now);
        }
    }

    /// <summary>Takes a batch of frames from the processes that have some, beginning behind the one whose turn the last batch, or a pause, ended.</summary>
    private bool TakeFromQueues()
    {
        RemoteQueues[] all = _queues; // one that is gone is removed on the way
        int room = _port.SendRoom;
        int budget = room;
        int first = _first;
        for (int i = 0; i < all.Length && budget > 0 && !_port.IsPaused; i++)
        {
            int at = (first + i) % all.Length;
            budget = TakeFrom(all[at], budget);
            _first = budget > 0 && !_port.IsPaused ? first : at + 1;
        }

        return budget < room;
    }

    /// <summary>Returns what is left of the budget.</summary>
    private int TakeFrom(RemoteQueues queues, int budget)
    {
        FrameHeader header = default;
        bool any = true;
        while (budget > 0 && !_port.IsPaused && (any = queues.TryPeek(out header, out ReadOnlySpan<byte> frame)))
        {
            frame.CopyTo(_port.Reserve()); // before anything looks at it: the process could change it meanwhile
            _port.Send(header.Length, queues.Sender(header.Owner));
            queues.Advance(header.Length);
            budget--;
        }

        if (!any && queues.IsGone)
        {
            Remove(queues);
        }

        return budget;
    }

    private void Remove(RemoteQueues queues)
    {
        if (queues.IsCorrupt)
        {
            LogCorrupt(Options.Name);
        }

        _queues = [.. _queues.Where(other => other != queues)];
        _counterSlots[queues.CounterSlot] = false;
        queues.Dispose();
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "emulated port {Name} has failed")]
    private partial void LogFailed(string name, Exception reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "emulated port {Name}: a process has written over the memory that it shared with the port, and was not heard any more")]
    private partial void LogCorrupt(string name);
}
