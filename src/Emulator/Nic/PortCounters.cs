using System.Globalization;
using System.Runtime.InteropServices;

namespace Verbena.Emulator.Nic;

/// <summary>What a port counts. Every frame is in one of the first three; every copy of it ends in one of the others, except those beside the frames.</summary>
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

    /// <summary>Beside the frames: the bytes of those that came from the wire, without their FCS.</summary>
    WireReceivedBytes,

    /// <summary>Beside the frames: the bytes of those handed to the wire, without their FCS.</summary>
    WireSentBytes,

    /// <summary>Beside the frames: send WQEs that completed with an error, and were not flushed.</summary>
    SendErrors,

    /// <summary>Beside the frames: send WQEs that were handed back unexecuted.</summary>
    SendFlushes,

    /// <summary>Beside the frames: receive WQEs that completed with an error, and were not flushed.</summary>
    ReceiveErrors,

    /// <summary>Beside the frames: receive WQEs that were handed back unused.</summary>
    ReceiveFlushes,

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

    /// <summary>Dropped: the process of the receive queue has stopped taking frames, as one does that a debugger holds.</summary>
    EngineStalled,

    /// <summary>Dropped: the process of the receive queue ended before it took the frame.</summary>
    EngineGone,

    /// <summary>Dropped: the frame came while carrier was down.</summary>
    RxCarrierDown,

    /// <summary>Dropped: the frame is not in the VLAN that the host has put the virtual function in.</summary>
    RxOtherVlan,

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

    /// <summary>Dropped: the virtual function is not to send from that address, and spoof checking is on.</summary>
    TxSpoofed,

    /// <summary>Dropped: longer than the MTU and its headers.</summary>
    TxOversize,

    /// <summary>Dropped: no carrier.</summary>
    TxCarrierDown,

    /// <summary>Dropped: the wire did not take the frame.</summary>
    WireError,
}

/// <summary>A port's counters; anyone may read.</summary>
/// <remarks>
/// They are sums over slots: whoever counts, the port and the queues of each process on it, has one of its own and is its
/// only writer. Slots are never cleared, so that what a process has counted stays when another gets its slot.
/// </remarks>
public sealed unsafe class PortCounters
{
    /// <summary>Size of a slot in memory that processes share: whole cache lines, and room for counters to come.</summary>
    internal const int SlotBytes = 512;

    private const PortCounter FirstDrop = PortCounter.OutOfBuffer;

    private static readonly int s_count = Enum.GetValues<PortCounter>().Length;

    private ulong[] _memory = []; // where no processes share it; pinned
    private ulong* _slots;
    private ulong* _own;
    private int _count = 1;

    internal PortCounters() => Hold([]);

    /// <summary>Counts in one of several slots that lie in memory side by side.</summary>
    internal PortCounters(void* slots, int count, int own)
    {
        _slots = (ulong*)slots;
        _count = count;
        _own = Slot(own);
    }

    /// <summary>The name of each counter, in the order of <see cref="PortCounter"/>: <c>out_of_buffer</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<PortCounter>().Select(ToSnakeCase)];

    public ulong this[PortCounter counter]
    {
        get
        {
            ulong sum = 0;
            for (int i = 0; i < _count; i++)
            {
                sum += Volatile.Read(ref Slot(i)[(int)counter]);
            }

            return sum;
        }
    }

    /// <summary>Sum of all drops.</summary>
    public ulong Dropped
    {
        get
        {
            ulong sum = 0;
            for (PortCounter c = FirstDrop; (int)c < s_count; c++)
            {
                sum += this[c];
            }

            return sum;
        }
    }

    /// <summary>Those that are not 0: <c>wire_received 7, queue_received 7</c>.</summary>
    public override string ToString() => string.Join(", ", Names.Zip(Enum.GetValues<PortCounter>())
        .Where(counter => this[counter.Second] > 0)
        .Select(counter => string.Create(CultureInfo.InvariantCulture, $"{counter.First} {this[counter.Second]}")));

    internal void Add(PortCounter counter, ulong count = 1) => _own[(int)counter] += count;

    /// <summary>How many frames have met their end in receive queues, delivered or dropped, as a slot has it.</summary>
    internal ulong EndedInQueues(int slot)
    {
        ulong sum = Volatile.Read(ref Slot(slot)[(int)PortCounter.QueueReceived]);
        for (PortCounter c = FirstDrop; c <= PortCounter.RxCompletionQueueFull; c++)
        {
            sum += Volatile.Read(ref Slot(slot)[(int)c]);
        }

        return sum;
    }

    /// <summary>Keeps the sums when the shared memory goes.</summary>
    internal void Detach() => Hold([.. Enum.GetValues<PortCounter>().Select(c => this[c])]);

    private void Hold(ulong[] values)
    {
        _memory = GC.AllocateArray<ulong>(SlotBytes / sizeof(ulong), pinned: true);
        values.CopyTo(_memory, 0);
        _own = _slots = (ulong*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        _count = 1;
    }

    private ulong* Slot(int index) => _slots + (index * (SlotBytes / sizeof(ulong)));

    internal static string ToSnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}
