using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Record;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A ConnectX with one port, as the programs of this process have it: their queues, and what these send to and receive from.</summary>
/// <remarks>
/// Any thread may call the control members; they and <see cref="Step"/> exclude each other. What a call hands back
/// belongs to the device and lives until it is destroyed by the member of that name, or with the device. Whoever calls
/// keeps the order: flows, queue pairs, tables, work queues, completion queues, memory regions.
/// </remarks>
public sealed partial class NicDevice : INicUnit, IPortStatus, IDisposable
{
    private readonly MemoryTable _memory;
    private readonly QueueTable _queues;
    private readonly QueueEngine _engine;
    private readonly NicPort _port;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private bool _isRemoved;

    /// <summary>Makes the device and its port: its netdev and its wire exist when this returns.</summary>
    /// <param name="options">Name, wire, address, speed.</param>
    /// <param name="cables">The panel that all ports of the process share.</param>
    /// <param name="logger">Gets what the NIC has to say; never from the path of a frame.</param>
    /// <param name="time">Clock of time stamps and of checks that take time; by default the system's.</param>
    /// <exception cref="InvalidOperationException">The netdev or the wire can't be made; the message says why and what helps.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "the other constructor takes it over")]
    public NicDevice(NicOptions options, PatchPanel cables, ILogger logger, TimeProvider? time = null)
        : this(new LocalPort(options, cables, time ?? TimeProvider.System), logger, time)
    {
    }

    /// <summary>Makes the device with a port that is there, which it takes over.</summary>
    internal NicDevice(NicPort port, ILogger logger, TimeProvider? time = null)
    {
        _port = port;
        _logger = logger;
        _time = time ?? TimeProvider.System;
        Conformance = new ConformanceLog(logger);
        Clock = new ClockPages(Now(), _time.GetUtcNow());
        _memory = new MemoryTable(port.Options.Behaviour.MemoryFaultEvery);
        _queues = new QueueTable(Conformance, _memory, Uar, port.Options, port.Counters);
        _engine = new QueueEngine(port, _queues);
    }

    public NicOptions Options => _port.Options;

    public UarRegion Uar { get; } = new();

    public ClockPages Clock { get; }

    /// <summary>Gets the work of queues that are made from now on; null: nobody does.</summary>
    internal WorkRecords? Records { set => _queues.Records = value; }

    public PortCounters Counters => _port.Counters;

    public ConformanceLog Conformance { get; }

    /// <summary>What the cable leads to, such as a <see cref="GeneratorWire"/> with its meter; null if another process has it.</summary>
    public Wire? Wire => _port.Wire;

    /// <summary>What the host has set for the device, if it is a virtual function of this process.</summary>
    public VportSettings? Function => _port.Vport is { IsPhysical: false } vport ? vport.Settings : null;

    /// <summary>What the embedded switch has counted; null: the device is not the physical function of one.</summary>
    public SwitchCounters? SwitchCounters => _port.Vport is { IsPhysical: true } vport ? vport.Switch.Counters : null;

    /// <summary>Address of the netdev.</summary>
    public MacAddress MacAddress => _port.MacAddress;

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    public int Mtu => _port.Mtu;

    /// <summary>Carrier as the wire and <see cref="SetCarrier"/> have it, and the speed from the options.</summary>
    public LinkState Link => _port.Link;

    /// <summary>How often <see cref="Link"/> has gone down.</summary>
    public ulong TimesDown => _port.TimesDown;

    /// <summary>Called when <see cref="Link"/> has changed, by whoever noticed it, inside the gate. Must not call the NIC.</summary>
    public Action<LinkState>? LinkChanged
    {
        get => _port.LinkChanged;
        set => _port.LinkChanged = value;
    }

    /// <summary>Called by a pass that found no work, and now and then by one that did, inside the gate. Must not call the NIC.</summary>
    public Action? Resting { get; set; }

    /// <summary>True once the device has failed; it does nothing any more.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Called when the device has failed, on the NIC's thread.</summary>
    public Action? Failed { get; set; }

    IEnumerable<int> INicUnit.PollDescriptors => _port.PollDescriptors;

    bool INicUnit.HasToLook => _port.HasToLook || _queues.DoorbellPages.Length + _queues.ArmPages.Length > 0;

    /// <summary>Makes carrier go, whatever the wire says, or lets the wire decide again.</summary>
    public void SetCarrier(bool up) => _port.SetCarrier(up);

    /// <summary>Sets what the host decides of a virtual function; its netdev gets its address.</summary>
    /// <exception cref="InvalidOperationException">It is none of this process, or Linux refuses the address.</exception>
    public void SetFunction(VportSettings settings) => _port.SetFunction(settings);

    public MemoryRegion RegisterMemory(uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        return _memory.Register(protectionDomain, start, lengthBytes, iova, access);
    }

    /// <summary>Lets the key of a region stand for other memory, or for other rights to it. Returns the region that it stands for now.</summary>
    public MemoryRegion ReregisterMemory(
        MemoryRegion region, uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access)
    {
        ArgumentNullException.ThrowIfNull(region);
        using Lock.Scope scope = _port.Gate.EnterCall();
        return _memory.Replace(region, protectionDomain, start, lengthBytes, iova, access);
    }

    public void Deregister(MemoryRegion region)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        _memory.Deregister(region);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public CompletionQueue CreateCompletionQueue(CompletionQueueParameters parameters)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        return _queues.CreateCompletionQueue(parameters);
    }

    /// <summary>Lets a completion queue go on in another ring; its last entry in the old one says so (MLX5_CQE_RESIZE_CQ).</summary>
    /// <exception cref="NicException">EINVAL: a ring that can't be one, or without room for what the program has not taken.</exception>
    public void Resize(CompletionQueue queue, ulong bufferAddress, int entries)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        QueueTable.Resize(queue, bufferAddress, entries);
    }

    /// <summary>Holds the queue's events back until so many completions have come since the last, or for so long; 0: not at all.</summary>
    public void Moderate(CompletionQueue queue, ushort completions, ushort periodMicroseconds)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using Lock.Scope scope = _port.Gate.EnterCall();
        queue.Moderate(completions, periodMicroseconds);
    }

    public void Destroy(CompletionQueue queue)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        if (!HasFailed)
        {
            _engine.TakeDoorbells(); // else an arm command that still waits would meet the next queue of that number
        }

        _queues.Destroy(queue);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public QueuePair CreateQueuePair(QueuePairParameters parameters)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        return _queues.CreateQueuePair(parameters);
    }

    /// <summary>Moves the queue pair to <paramref name="state"/>; which moves are allowed is the caller's to check.</summary>
    public void Modify(QueuePair queue, QueuePairState state)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using Lock.Scope scope = _port.Gate.EnterCall();
        CatchUp(queue);
        queue.Modify(state);
    }

    /// <summary>Holds the queue pair's sending to a rate in kb/s; 0: as fast as it can.</summary>
    public void SetRate(QueuePair queue, uint kilobitsPerSecond)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using Lock.Scope scope = _port.Gate.EnterCall();
        queue.Send?.SetRate(kilobitsPerSecond);
    }

    public void Destroy(QueuePair queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using Lock.Scope scope = _port.Gate.EnterCall();
        CatchUp(queue);
        _queues.Destroy(queue);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public WorkQueue CreateWorkQueue(WorkQueueParameters parameters)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        return _queues.CreateWorkQueue(parameters);
    }

    public void Modify(WorkQueue queue, QueueState state)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        queue.Receive.Modify(state);
    }

    /// <summary>Takes VLAN tags out of received frames, or leaves them, from the next frame on.</summary>
    public void StripVlan(WorkQueue queue, bool strip)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        queue.Receive.StripVlan(strip);
    }

    public void Destroy(WorkQueue queue)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        _queues.Destroy(queue);
    }

    /// <param name="queues">A power of two of queues; the same one may stand several times.</param>
    /// <exception cref="NicException">EINVAL: another number of queues.</exception>
    public IndirectionTable CreateIndirectionTable(IReadOnlyList<WorkQueue> queues)
    {
        ArgumentNullException.ThrowIfNull(queues);
        using Lock.Scope scope = _port.Gate.EnterCall();
        return int.IsPow2(queues.Count)
            ? new IndirectionTable(queues)
            : throw NicException.Invalid($"an indirection table has a power of two of entries, not {queues.Count}");
    }

    /// <exception cref="NicException">EINVAL: fields that exclude each other, or a key of another length than 40 bytes.</exception>
    public RssQueuePair CreateRssQueuePair(RssParameters parameters)
    {
        using Lock.Scope scope = _port.Gate.EnterCall();
        return new RssQueuePair(parameters, _port.Counters);
    }

    /// <summary>Steers frames.</summary>
    /// <exception cref="NicException">EINVAL, EEXIST, ENOMEM (priority), ENOSPC, EOPNOTSUPP: as a kernel answers.</exception>
    public FlowRule AddFlow(FlowParameters parameters) => _port.AddFlow(parameters);

    public void RemoveFlow(FlowRule rule) => _port.RemoveFlow(rule);

    /// <summary>Does one bounded pass over doorbells and port, and says whether there was anything to do.</summary>
    public bool Step()
    {
        using Lock.Scope scope = _port.Gate.EnterPass();
        if (HasFailed)
        {
            return false;
        }

        long now = Now();
        bool isLate = Clock.Show(now);
        bool busy = _engine.Pass(now, isLate);
        if (!busy || isLate)
        {
            Resting?.Invoke();
        }

        return busy;
    }

    public void Dispose()
    {
        using (_port.Gate.EnterCall())
        {
            HasFailed = true;
            Unplug();
            Uar.Dispose();
            Clock.Dispose();
        }
    }

    /// <summary>Puts an embedded switch between port and wire, if there is none yet.</summary>
    internal EmbeddedSwitch Virtualize() => _port.Virtualize();

    /// <summary>Takes the device out of the machine: its port goes, programs hear that the device has failed, and let go of what they have.</summary>
    internal void Remove()
    {
        using (_port.Gate.EnterCall())
        {
            HasFailed = true;
            Unplug();
        }

        Failed?.Invoke();
    }

    /// <summary>Does what the program has rung for: hardware sees a doorbell before the command that comes after it.</summary>
    private void CatchUp(QueuePair queue)
    {
        if (queue.Send is { } send && !HasFailed)
        {
            _engine.Drain(send, Now());
        }
    }

    private void Unplug()
    {
        if (!_isRemoved)
        {
            _isRemoved = true;
            _port.Dispose();
        }
    }

    void INicUnit.SetAsleep(bool asleep) => _port.SetAsleep(asleep);

    /// <summary>Stops the device for good, since it can't be trusted after an exception.</summary>
    void INicUnit.Fail(Exception reason)
    {
        HasFailed = true;
        _port.Vport?.Unplug();
        LogFailed(_logger, Options.Name, reason);
        Failed?.Invoke();
    }

    private long Now() => _time.GetTimestamp() * (1_000_000_000 / _time.TimestampFrequency);

    [LoggerMessage(Level = LogLevel.Critical, Message = "emulated NIC {Name} has failed")]
    private static partial void LogFailed(ILogger logger, string name, Exception reason);
}
