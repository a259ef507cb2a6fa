using System.Diagnostics;
using System.Runtime.CompilerServices;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What moves frames: one pass takes at most a batch from the wire, from Linux and from the send queues.</summary>
internal sealed class PortEngine(Wire wire, HostNetdev netdev, QueueTable queues, FlowTable flows, PortCounters counters, TimeProvider time) : IDisposable
{
    private const int TagBytes = 4;
    private const long RefreshNanoseconds = 100_000_000;

    /// <summary>A busy engine asks Linux only each so many passes: it costs a system call, and frames wait there.</summary>
    private const int BusyPassesPerNetdev = 8;

    private readonly Steering _steering = new(flows, netdev, counters);
    private readonly FrameBatch _fromWire = new();
    private readonly FrameBatch _fromNetdev = new();
    private readonly FrameBatch _toWire = new();
    private ulong _wireErrors;
    private long _refreshed;
    private int _busyPasses;
    private int _firstQueue;
    private bool _hasCarrier;

    /// <summary>Does one pass, and says whether there was anything to do.</summary>
    public bool Pass(bool hasCarrier)
    {
        long now = Now();
        _hasCarrier = hasCarrier;
        _steering.Timestamp = (ulong)now;
        bool busy = ReceiveFromWire();
        busy |= TakeDoorbells();
        busy |= Send();
        if (!busy || ++_busyPasses >= BusyPassesPerNetdev)
        {
            _busyPasses = 0;
            busy |= SendFromNetdev();
        }

        _steering.Flush();
        Flush();
        if (!busy)
        {
            Rest(now);
        }
        else if (now - _refreshed > RefreshNanoseconds)
        {
            Refresh(now);
        }

        return busy;
    }

    public void Dispose()
    {
        _fromWire.Dispose();
        _fromNetdev.Dispose();
        _toWire.Dispose();
        _steering.ToNetdev.Dispose();
    }

    private long Now() => (long)((decimal)time.GetTimestamp() * 1_000_000_000 / time.TimestampFrequency);

    private bool ReceiveFromWire()
    {
        _fromWire.Clear();
        wire.Receive(_fromWire);
        ulong errors = wire.ReceiveErrors;
        counters.Add(PortCounter.RxWireError, errors - _wireErrors);
        counters.Add(PortCounter.WireReceived, (ulong)_fromWire.Count + errors - _wireErrors);
        _wireErrors = errors;
        for (int i = 0; i < _fromWire.Count; i++)
        {
            if (_hasCarrier)
            {
                _steering.FromWire(_fromWire[i]);
            }
            else
            {
                counters.Add(PortCounter.RxCarrierDown);
            }
        }

        return _fromWire.Count > 0;
    }

    private bool SendFromNetdev()
    {
        Flush();
        if (wire.SendRoom < FrameBatch.Capacity)
        {
            return false; // what Linux sends can't be put back
        }

        _fromNetdev.Clear();
        netdev.Receive(_fromNetdev);
        counters.Add(PortCounter.NetdevSent, (ulong)_fromNetdev.Count);
        for (int i = 0; i < _fromNetdev.Count; i++)
        {
            Span<byte> frame = _fromNetdev[i];
            if (GoesToWire(frame, null))
            {
                _toWire.Add(frame);
            }
        }

        Flush();
        return _fromNetdev.Count > 0;
    }

    private bool TakeDoorbells()
    {
        bool any = false;
        foreach (int page in queues.DoorbellPages)
        {
            for (int register = 0; register < UarRegion.RegistersPerPage; register++)
            {
                ulong value = queues.Uar.TakeDoorbell(page, register);
                if (value != 0)
                {
                    Ring(page, register, value);
                    any = true;
                }
            }
        }

        foreach (int page in queues.ArmPages)
        {
            ulong value = queues.Uar.TakeArm(page);
            if (value != 0)
            {
                Arm(page, Unsafe.BitCast<ulong, Be64>(value));
                any = true;
            }
        }

        return any;
    }

    /// <summary>
    /// The value names one queue pair. Others that share the register may have rung in the same moment, and their value
    /// was overwritten, which on a real bus can't happen: so their records are looked at.
    /// </summary>
    private void Ring(int page, int register, ulong value)
    {
        mlx5_wqe_ctrl_seg doorbell = default;
        Unsafe.As<mlx5_wqe_ctrl_seg, ulong>(ref doorbell) = value;
        uint number = doorbell.qpn_ds >> 8;
        int pair = register >> 1; // both halves of a register are one
        if (queues.FindQueuePair(number) is { Send: { } send } rung && rung.UarPage == page)
        {
            send.Ring(doorbell, pair);
        }
        else
        {
            queues.Conformance.Report($"a doorbell on UAR page {page} names QP {number}, which does not ring there");
        }

        foreach (QueuePair other in queues.QueuePairs)
        {
            if (other.Number != number && other.UarPage == page)
            {
                other.Send?.RingFromRecord(pair);
            }
        }
    }

    private void Arm(int page, ulong value)
    {
        uint number = (uint)value & 0xFF_FFFF;
        if (queues.FindCompletionQueue(number) is { } armed && armed.UarPage == page)
        {
            armed.Arm(value);
        }
        else
        {
            queues.Conformance.Report($"an arm command on UAR page {page} names CQ {number}, which is not armed there");
        }

        foreach (CompletionQueue other in queues.CompletionQueues)
        {
            if (other.Number != number && other.UarPage == page)
            {
                other.ArmFromRecord();
            }
        }
    }

    /// <summary>Takes a batch of WQEs, in turns from the queues that have some, beginning with another one each time.</summary>
    private bool Send()
    {
        SendQueue[] senders = queues.SendQueues;
        int budget = Math.Min(FrameBatch.Capacity, wire.SendRoom);
        bool any = false;
        for (int i = 0; i < senders.Length; i++)
        {
            SendQueue queue = senders[(_firstQueue + i) % senders.Length];
            while (budget > 0 && queue.HasWork)
            {
                any = true;
                budget--;
                SendOne(queue);
            }
        }

        _firstQueue = senders.Length == 0 ? 0 : (_firstQueue + 1) % senders.Length;
        return any;
    }

    private void SendOne(SendQueue queue)
    {
        Span<byte> room = _toWire.Reserve();
        if (!queue.TryTake(room, _steering.Timestamp, out int length))
        {
            return;
        }

        counters.Add(PortCounter.QueueSent);
        if (GoesToWire(room[..length], queue.Context))
        {
            _toWire.Commit(length);
        }
    }

    /// <summary>Delivers a sent frame inside the port, and says whether it is for the wire, which must have carrier.</summary>
    private bool GoesToWire(ReadOnlySpan<byte> frame, NicContext? sender)
    {
        if (frame.Length > MaxFrameBytes(frame))
        {
            counters.Add(PortCounter.TxOversize);
            return false;
        }

        if (!_steering.FromPort(frame, sender))
        {
            return false;
        }

        if (!_hasCarrier)
        {
            counters.Add(PortCounter.TxCarrierDown);
        }

        return _hasCarrier;
    }

    private int MaxFrameBytes(ReadOnlySpan<byte> frame)
    {
        bool isTagged = frame[12] == EtherType.Vlan >> 8 && frame[13] == (EtherType.Vlan & 0xFF);
        return netdev.Mtu + EthernetHeader.Size + (isTagged ? TagBytes : 0);
    }

    private void Flush()
    {
        if (_toWire.Count == 0)
        {
            return;
        }

        int sent = wire.Send(_toWire);
        Debug.Assert(sent <= _toWire.Count, "a wire sends what it was given");
        counters.Add(PortCounter.WireSent, (ulong)sent);
        counters.Add(PortCounter.WireError, (ulong)(_toWire.Count - sent));
        _toWire.Clear();
    }

    /// <summary>Uses a pass without work to look at what changes seldom.</summary>
    private void Rest(long now)
    {
        foreach (SendQueue queue in queues.SendQueues)
        {
            queue.CheckRecord(now);
        }

        foreach (ReceiveQueue queue in queues.ReceiveQueues)
        {
            queue.CheckRecord();
            queue.Flush();
        }

        foreach (CompletionQueue queue in queues.CompletionQueues)
        {
            queue.ReadConsumer();
        }

        if (now - _refreshed > RefreshNanoseconds)
        {
            Refresh(now);
        }
    }

    private void Refresh(long now)
    {
        _refreshed = now;
        wire.Refresh();
        netdev.Refresh();
    }
}
