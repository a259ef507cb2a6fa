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
public sealed class NicDevice : IDisposable
{
    /// <summary>The rate of the clock that time stamps completions, in kHz: it counts nanoseconds.</summary>
    public const uint CoreClockKilohertz = 1_000_000;

    /// <summary>Makes the port: its netdev and its wire exist when this returns.</summary>
    /// <param name="options">Name, wire, address, speed.</param>
    /// <param name="cables">The panel that all ports of the process share.</param>
    /// <param name="logger">Gets what the NIC has to say; never from the path of a frame.</param>
    /// <param name="time">Clock of time stamps and of checks that take time; by default the system's.</param>
    /// <exception cref="InvalidOperationException">The netdev or the wire can't be made; the message says why and what helps.</exception>
    public NicDevice(NicOptions options, PatchPanel cables, ILogger logger, TimeProvider? time = null)
    {
        Options = options;
        Conformance = new ConformanceLog(logger);
        _ = cables;
        _ = time;
    }

    public NicOptions Options { get; }

    public UarRegion Uar { get; } = new();

    public PortCounters Counters { get; } = new();

    public ConformanceLog Conformance { get; }

    /// <summary>Address of the netdev.</summary>
    public MacAddress MacAddress => Options.Mac ?? default;

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    public int Mtu { get; private set; } = 1500;

    public LinkState Link { get; private set; }

    /// <summary>Called when <see cref="Link"/> has changed, by whoever noticed it, inside the gate. Must not call the NIC.</summary>
    public Action<LinkState>? LinkChanged { get; set; }

    /// <summary>Makes carrier go, whatever the wire says, or lets the wire decide again.</summary>
    public void SetCarrier(bool up) => LinkChanged?.Invoke(Link = new LinkState(up, (ulong)Options.SpeedGbps * 1_000_000_000));

    public MemoryRegion RegisterMemory(uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access) =>
        throw new NotSupportedException();

    public void Deregister(MemoryRegion region) => throw new NotSupportedException();

    public CompletionQueue CreateCompletionQueue(CompletionQueueParameters parameters) => throw new NotSupportedException();

    public void Destroy(CompletionQueue queue) => throw new NotSupportedException();

    /// <exception cref="NicException">EINVAL: sizes or addresses that no ring can have.</exception>
    public QueuePair CreateQueuePair(QueuePairParameters parameters) => throw new NotSupportedException();

    /// <summary>Moves the queue pair to <paramref name="state"/>; which moves are allowed is the caller's to check.</summary>
    public void Modify(QueuePair queue, QueuePairState state) => throw new NotSupportedException();

    public void Destroy(QueuePair queue) => throw new NotSupportedException();

    public WorkQueue CreateWorkQueue(WorkQueueParameters parameters) => throw new NotSupportedException();

    public void Modify(WorkQueue queue, QueueState state) => throw new NotSupportedException();

    public void Destroy(WorkQueue queue) => throw new NotSupportedException();

    /// <param name="queues">A power of two of queues; the same one may stand several times.</param>
    public IndirectionTable CreateIndirectionTable(IReadOnlyList<WorkQueue> queues) => throw new NotSupportedException();

    public RssQueuePair CreateRssQueuePair(RssParameters parameters) => throw new NotSupportedException();

    /// <summary>Steers frames to a queue pair.</summary>
    /// <exception cref="NicException">EINVAL, EEXIST, ENOMEM (priority), EOPNOTSUPP: as a kernel answers.</exception>
    public FlowRule AddFlow(FlowParameters parameters) => throw new NotSupportedException();

    public void RemoveFlow(FlowRule rule) => throw new NotSupportedException();

    /// <summary>Does one bounded pass over doorbells, wire and netdev, and says whether there was anything to do.</summary>
    public bool Step() => Uar.FileDescriptor < 0;

    public void Dispose() => Uar.Dispose();
}
