using System.Runtime.InteropServices;

namespace Verbena.Dataplane;

/// <summary>An interface's counters, under VPP's names: packets, and bytes without FCS.</summary>
public readonly record struct InterfaceCounters
{
    public ulong RxPackets { get; init; }

    public ulong RxBytes { get; init; }

    public ulong TxPackets { get; init; }

    public ulong TxBytes { get; init; }

    /// <summary>Packets received here that were dropped under a reason of severity error.</summary>
    public ulong Drops { get; init; }

    /// <summary>IPv4 packets received.</summary>
    public ulong Ip4 { get; init; }

    /// <summary>Times that the NIC could not be given a buffer.</summary>
    public ulong RxNoBuffer { get; init; }

    public ulong RxErrors { get; init; }

    /// <summary>Packets that were to leave here and could not: the queue was full or had stopped, or their completion reported an error.</summary>
    public ulong TxErrors { get; init; }

    public static InterfaceCounters operator -(InterfaceCounters left, InterfaceCounters right) => Subtract(left, right);

    public static InterfaceCounters Subtract(InterfaceCounters left, InterfaceCounters right) => new()
    {
        RxPackets = left.RxPackets - right.RxPackets,
        RxBytes = left.RxBytes - right.RxBytes,
        TxPackets = left.TxPackets - right.TxPackets,
        TxBytes = left.TxBytes - right.TxBytes,
        Drops = left.Drops - right.Drops,
        Ip4 = left.Ip4 - right.Ip4,
        RxNoBuffer = left.RxNoBuffer - right.RxNoBuffer,
        RxErrors = left.RxErrors - right.RxErrors,
        TxErrors = left.TxErrors - right.TxErrors,
    };
}

/// <summary>The counters of an interface that one worker writes and others read. So long that two workers' share no cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal sealed class WorkerInterfaceCounters
{
    public ulong Drops;
    public ulong Ip4;
    public ulong TxErrors;

    // Of interfaces without a port of their own; a port's queues count themselves.
    public ulong RxPackets;
    public ulong RxBytes;
    public ulong TxPackets;
    public ulong TxBytes;

    public void CountReceived(int bytes)
    {
        RxPackets++;
        RxBytes += (uint)bytes;
    }

    public void CountSent(int bytes)
    {
        TxPackets++;
        TxBytes += (uint)bytes;
    }
}
