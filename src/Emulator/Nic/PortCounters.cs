namespace Verbena.Emulator.Nic;

/// <summary>What a port counts. Every frame is in one of the first three; every copy of it ends in one of the others.</summary>
/// <remarks>
/// The equation that holds whenever the port rests:
/// <c>WireReceived + NetdevSent + QueueSent + Copies = QueueReceived + NetdevReceived + WireSent + (all from OutOfBuffer on)</c>.
/// </remarks>
public enum PortCounter
{
    /// <summary>Frames that came from the wire.</summary>
    WireReceived,

    /// <summary>Frames that Linux sent through the netdev.</summary>
    NetdevSent,

    /// <summary>Frames that send queues gave: of a TSO each segment, of a multi-packet WQE each packet.</summary>
    QueueSent,

    /// <summary>Copies made beyond the first, where a frame has several destinations.</summary>
    Copies,

    /// <summary>Copies written to receive queues, with a good completion.</summary>
    QueueReceived,

    /// <summary>Copies handed to Linux.</summary>
    NetdevReceived,

    /// <summary>Copies handed to the wire.</summary>
    WireSent,

    /// <summary>Dropped: the receive queue had no WQE.</summary>
    OutOfBuffer,

    /// <summary>Dropped: the frame is longer than the WQE's buffers; a completion says so.</summary>
    RxTooLong,

    /// <summary>Dropped: the WQE names memory that the queue may not write; a completion says so, the queue is in error.</summary>
    RxProtectionError,

    /// <summary>Dropped: the receive queue is not ready, or in error.</summary>
    RxQueueNotReady,

    /// <summary>Dropped: the completion queue has overrun.</summary>
    RxCompletionQueueFull,

    /// <summary>Dropped: the frame came while carrier was down.</summary>
    RxCarrierDown,

    /// <summary>Dropped by the wire: its queue in the kernel was full, or it was no frame: left to hardware to be cut, and not TCP.</summary>
    RxWireError,

    /// <summary>Dropped: no flow took the frame, and the netdev is down.</summary>
    NoMatchNetdevDown,

    /// <summary>Dropped: a flow says so.</summary>
    FlowDrop,

    /// <summary>Dropped: Linux did not take the frame.</summary>
    NetdevError,

    /// <summary>Dropped: a send WQE holds less of the frame inline than the NIC demands; its completion is good.</summary>
    TxInlineTooShort,

    /// <summary>Dropped: longer than the MTU and its headers.</summary>
    TxOversize,

    /// <summary>Dropped: no carrier.</summary>
    TxCarrierDown,

    /// <summary>Dropped: the wire did not take the frame.</summary>
    WireError,
}

/// <summary>A port's counters, written by the NIC's thread; anyone may read.</summary>
public sealed class PortCounters
{
    /// <summary>The name of each counter, in the order of <see cref="PortCounter"/>: <c>out_of_buffer</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<PortCounter>().Select(ToSnakeCase)];

    private readonly ulong[] _values = new ulong[Enum.GetValues<PortCounter>().Length];

    public ulong this[PortCounter counter] => Volatile.Read(ref _values[(int)counter]);

    /// <summary>Sum of all drops.</summary>
    public ulong Dropped
    {
        get
        {
            ulong sum = 0;
            for (PortCounter c = PortCounter.OutOfBuffer; c <= PortCounter.WireError; c++)
            {
                sum += this[c];
            }

            return sum;
        }
    }

    internal void Add(PortCounter counter, ulong count = 1) => _values[(int)counter] += count;

    private static string ToSnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}
