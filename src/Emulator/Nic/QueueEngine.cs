using System.Runtime.CompilerServices;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What works on the queues of one process: takes doorbells, makes frames of WQEs, and sends them to the port.</summary>
internal sealed class QueueEngine(NicPort port, QueueTable queues)
{
    private int _firstQueue;

    /// <summary>Does one pass with the port, and says whether there was anything to do.</summary>
    /// <param name="nowNanoseconds">The device's time.</param>
    /// <param name="isLate">Whether what is not looked at while there is work has waited for long.</param>
    public bool Pass(long nowNanoseconds, bool isLate)
    {
        bool busy = port.Receive(nowNanoseconds);
        busy |= TakeDoorbells();
        busy |= Send((ulong)nowNanoseconds);
        busy |= port.Finish(busy, nowNanoseconds);
        HandOverCompletions(nowNanoseconds);
        if (!busy)
        {
            Rest(nowNanoseconds);
        }

        if (!busy || isLate)
        {
            FlushStopped();
        }

        return busy;
    }

    /// <summary>Sends what the program has rung for, as far as its rate and room let it: hardware would have done so long before the program's next call.</summary>
    public void Drain(SendQueue queue, long nowNanoseconds)
    {
        TakeDoorbells();
        ulong now = (ulong)nowNanoseconds;
        while (queue.HasWork(now) && port.SendRoom > 0)
        {
            while (queue.HasWork(now) && port.SendRoom > 0)
            {
                SendOne(queue, now);
            }

            port.Finish(busy: true, nowNanoseconds); // makes room, if the far end takes what was sent
        }

        HandOverCompletions(nowNanoseconds);
    }

    private void HandOverCompletions(long nowNanoseconds)
    {
        foreach (CompletionQueue queue in queues.CompletionQueues)
        {
            queue.Finish(DeviceClock.Ticks(nowNanoseconds));
        }
    }

    /// <summary>Takes what programs have written to the registers. True: there was something.</summary>
    public bool TakeDoorbells()
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
            send.Ring(doorbell, pair, register & 1);
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

    /// <summary>Takes a batch of WQEs from the queues that have some, beginning behind the one whose turn the last batch ended.</summary>
    private bool Send(ulong timestamp)
    {
        SendQueue[] senders = queues.SendQueues;
        int budget = Math.Min(FrameBatch.Capacity, port.SendRoom);
        int first = _firstQueue;
        bool any = false;
        for (int i = 0; i < senders.Length && budget > 0; i++)
        {
            int at = (first + i) % senders.Length;
            while (budget > 0 && senders[at].HasWork(timestamp))
            {
                any = true;
                budget--;
                SendOne(senders[at], timestamp);
            }

            _firstQueue = budget > 0 ? first : at + 1;
        }

        return any;
    }

    private void SendOne(SendQueue queue, ulong timestamp)
    {
        if (queue.TryTake(port.Reserve(), timestamp, out int length))
        {
            port.Send(length, queue.Context);
        }
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
        }

        foreach (CompletionQueue queue in queues.CompletionQueues)
        {
            queue.ReadConsumer();
        }
    }

    /// <summary>Gives back what was posted to queues that are in error.</summary>
    private void FlushStopped()
    {
        foreach (ReceiveQueue queue in queues.ReceiveQueues)
        {
            queue.Flush();
        }
    }
}
