using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A ConnectX with one port, as far as it works on memory: queues, steering, wire and netdev.</summary>
/// <remarks>
/// Any thread may call the control members; they and <see cref="Step"/> exclude each other. What a call hands back
/// belongs to the device and lives until it is destroyed by the member of that name, or with the device. Whoever calls
/// keeps the order: flows, queue pairs, tables, work queues, completion queues, memory regions.
/// </remarks>
public sealed partial class NicDevice : IDisposable
{
    /// <summary>The rate of the clock that time stamps completions, in kHz: it counts nanoseconds.</summary>
    public const uint CoreClockKilohertz = 1_000_000;

    private readonly NicGate _gate = new();
    private readonly MemoryTable _memory = new();
    private readonly FlowTable _flows = new();
    private readonly QueueTable _queues;
    private readonly PortEngine _engine;
    private readonly HostNetdev _netdev;
    private readonly ILogger _logger;
    private bool _carrierAllowed = true;

    /// <summary>Makes the port: its netdev and its wire exist when this returns.</summary>
    /// <param name="options">Name, wire, address, speed.</param>
    /// <param name="cables">The panel that all ports of the process share.</param>
    /// <param name="logger">Gets what the NIC has to say; never from the path of a frame.</param>
    /// <param name="time">Clock of time stamps and of checks that take time; by default the system's.</param>
    /// <exception cref="InvalidOperationException">The netdev or the wire can't be made; the message says why and what helps.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "the other constructor takes it over")]
    public NicDevice(NicOptions options, PatchPanel cables, ILogger logger, TimeProvider? time = null)
        : this(options, cables, logger, time, new TapNetdev(options.Name, options.Mac ?? MacOf(options.Name)))
    {
    }

    /// <summary>Makes the port with another netdev than a TAP, which it takes over.</summary>
    internal NicDevice(NicOptions options, PatchPanel cables, ILogger logger, TimeProvider? time, HostNetdev netdev)
    {
        Options = options;
        _logger = logger;
        _netdev = netdev;
        Conformance = new ConformanceLog(logger);
        _queues = new QueueTable(Conformance, _memory, Uar);
        try
        {
            Wire = options.Wire.Open(new WireSite(options.Name, cables, time ?? TimeProvider.System, () => _flows.FirstUnicastMac));
        }
        catch
        {
            netdev.Dispose();
            Uar.Dispose();
            throw;
        }

        _engine = new PortEngine(Wire, netdev, _queues, _flows, Counters, time ?? TimeProvider.System);
        UpdateLink();
    }

    public NicOptions Options { get; }

    public UarRegion Uar { get; } = new();

    public PortCounters Counters { get; } = new();

    public ConformanceLog Conformance { get; }

    /// <summary>What the cable leads to, such as a <see cref="GeneratorWire"/> with its meter.</summary>
    public Wire Wire { get; }

    /// <summary>Address of the netdev.</summary>
    public MacAddress MacAddress => _netdev.MacAddress;

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    public int Mtu => _netdev.Mtu;

    /// <summary>Carrier as the wire and <see cref="SetCarrier"/> have it, and the speed from the options.</summary>
    public LinkState Link { get; private set; }

    /// <summary>Called when <see cref="Link"/> has changed, by whoever noticed it, inside the gate. Must not call the NIC.</summary>
    public Action<LinkState>? LinkChanged { get; set; }

    /// <summary>True once the device has failed; it does nothing any more.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Called when the device has failed, on the NIC's thread.</summary>
    public Action? Failed { get; set; }

    internal HostNetdev Netdev => _netdev;

    /// <summary>Makes carrier go, whatever the wire says, or lets the wire decide again.</summary>
    public void SetCarrier(bool up)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _carrierAllowed = up;
        UpdateLink();
    }

    public MemoryRegion RegisterMemory(uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return _memory.Register(protectionDomain, start, lengthBytes, iova, access);
    }

    public void Deregister(MemoryRegion region)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _memory.Deregister(region);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public CompletionQueue CreateCompletionQueue(CompletionQueueParameters parameters)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return _queues.CreateCompletionQueue(parameters);
    }

    public void Destroy(CompletionQueue queue)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _queues.Destroy(queue);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public QueuePair CreateQueuePair(QueuePairParameters parameters)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return _queues.CreateQueuePair(parameters);
    }

    /// <summary>Moves the queue pair to <paramref name="state"/>; which moves are allowed is the caller's to check.</summary>
    public void Modify(QueuePair queue, QueuePairState state)
    {
        using Lock.Scope scope = _gate.EnterCall();
        queue.Modify(state);
    }

    public void Destroy(QueuePair queue)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _queues.Destroy(queue);
    }

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public WorkQueue CreateWorkQueue(WorkQueueParameters parameters)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return _queues.CreateWorkQueue(parameters);
    }

    public void Modify(WorkQueue queue, QueueState state)
    {
        using Lock.Scope scope = _gate.EnterCall();
        queue.Receive.Modify(state);
    }

    public void Destroy(WorkQueue queue)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _queues.Destroy(queue);
    }

    /// <param name="queues">A power of two of queues; the same one may stand several times.</param>
    /// <exception cref="NicException">EINVAL: another number of queues.</exception>
    public IndirectionTable CreateIndirectionTable(IReadOnlyList<WorkQueue> queues)
    {
        ArgumentNullException.ThrowIfNull(queues);
        using Lock.Scope scope = _gate.EnterCall();
        return int.IsPow2(queues.Count)
            ? new IndirectionTable(queues)
            : throw NicException.Invalid($"an indirection table has a power of two of entries, not {queues.Count}");
    }

    /// <exception cref="NicException">EINVAL: fields that exclude each other, or a key of another length than 40 bytes.</exception>
    public RssQueuePair CreateRssQueuePair(RssParameters parameters)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return new RssQueuePair(parameters);
    }

    /// <summary>Steers frames to a queue pair.</summary>
    /// <exception cref="NicException">EINVAL, EEXIST, ENOMEM (priority): as a kernel answers.</exception>
    public FlowRule AddFlow(FlowParameters parameters)
    {
        using Lock.Scope scope = _gate.EnterCall();
        return _flows.Add(parameters);
    }

    public void RemoveFlow(FlowRule rule)
    {
        using Lock.Scope scope = _gate.EnterCall();
        _flows.Remove(rule);
    }

    /// <summary>Does one bounded pass over doorbells, wire and netdev, and says whether there was anything to do.</summary>
    public bool Step()
    {
        using Lock.Scope scope = _gate.EnterPass();
        if (HasFailed)
        {
            return false;
        }

        UpdateLink();
        return _engine.Pass(Link.IsUp);
    }

    public void Dispose()
    {
        using (_gate.EnterCall())
        {
            HasFailed = true;
            Wire.Dispose();
            _netdev.Dispose();
            _engine.Dispose();
            Uar.Dispose();
        }
    }

    /// <summary>Stops the device for good, since it can't be trusted after an exception.</summary>
    internal void Fail(Exception reason)
    {
        HasFailed = true;
        LogFailed(_logger, Options.Name, reason);
        Failed?.Invoke();
    }

    /// <summary>A locally administered address that is the same for a name at every start (FNV-1a of the name).</summary>
    private static MacAddress MacOf(string name)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ b) * 0x0000_0100_0000_01B3;
        }

        return new MacAddress((hash & 0x00FF_FFFF_FFFF) | 0x0200_0000_0000);
    }

    private void UpdateLink()
    {
        bool isUp = Wire.HasCarrier && _carrierAllowed;
        if (Link.SpeedBitsPerSecond != 0 && isUp == Link.IsUp)
        {
            return;
        }

        Link = new LinkState(isUp, (ulong)Options.SpeedGbps * 1_000_000_000);
        Wire.ShowLink(_carrierAllowed);
        _netdev.ShowLink(isUp);
        LinkChanged?.Invoke(Link);
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "emulated NIC {Name} has failed")]
    private static partial void LogFailed(ILogger logger, string name, Exception reason);
}
