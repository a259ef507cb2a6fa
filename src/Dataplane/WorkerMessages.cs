using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The two rings between the control thread and a worker.</summary>
internal sealed class WorkerMessages
{
    /// <summary>From the worker: what it learned. A full ring loses what will be learned again.</summary>
    public SpscRing<WorkerReport> Reports { get; } = new(4096);

    /// <summary>To the worker: packets to originate, for only it may take buffers.</summary>
    public SpscRing<WorkerRequest> Requests { get; } = new(1024);
}

internal enum WorkerReportKind
{
    /// <summary>ARP told a neighbor's Ethernet address.</summary>
    NeighborSeen,

    /// <summary>An Ethernet address sends from behind an interface of a bridge domain.</summary>
    MacAddressSeen,
    EchoRequestSent,
    EchoRequestNoBuffer,
    EchoReply,
}

/// <summary>Something that the worker tells the control thread.</summary>
internal readonly record struct WorkerReport(WorkerReportKind Kind)
{
    /// <summary>When it happened: the clock of the worker's turn, in nanoseconds.</summary>
    public long Time { get; init; }

    public int Interface { get; init; }

    /// <summary>The neighbor, or who sent the echo reply.</summary>
    public Ip4Address Address { get; init; }

    public MacAddress MacAddress { get; init; }

    public ushort Identifier { get; init; }

    public ushort Sequence { get; init; }

    /// <summary>Total length of the echo reply's IPv4 packet.</summary>
    public ushort Bytes { get; init; }

    public byte TimeToLive { get; init; }
}

internal enum WorkerRequestKind
{
    EchoRequest,
    ArpRequest,
}

/// <summary>A packet that the control thread wants sent.</summary>
internal readonly record struct WorkerRequest(WorkerRequestKind Kind)
{
    /// <summary>ARP: the interface to ask on.</summary>
    public int Interface { get; init; }

    public Ip4Address Source { get; init; }

    public Ip4Address Destination { get; init; }

    /// <summary>ARP: whom to ask: everybody, or a neighbor that is thought to be there (RFC 1122, 2.3.2.1, unicast poll).</summary>
    public MacAddress MacAddress { get; init; }

    public ushort Identifier { get; init; }

    public ushort Sequence { get; init; }

    /// <summary>Echo: bytes of payload.</summary>
    public ushort Size { get; init; }
}
