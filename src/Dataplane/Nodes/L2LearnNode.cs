using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>l2-learn: tells the control thread behind which member a source address is. Next: l2-fwd.</summary>
/// <remarks>
/// The control thread writes the table; until it has, the address would be reported with each frame, so reports of the last
/// millisecond are remembered. One that is forgotten too early is made again, which does no harm.
/// </remarks>
internal sealed class L2LearnNode(Dispatcher dispatcher, WorkerMessages messages, InternalNode forward)
    : InternalNode(dispatcher, "l2-learn")
{
    private const int RememberedReports = 1024;
    private const long RememberedNanoseconds = 1_000_000;

    private readonly ulong[] _reported = new ulong[RememberedReports];
    private long _forgottenAt;

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        if (Dispatcher.Now - _forgottenAt > RememberedNanoseconds)
        {
            _reported.AsSpan().Clear();
            _forgottenAt = Dispatcher.Now;
        }

        Count(Reason.L2LearnPackets, (uint)frame.Length);
        foreach (BufferIndex packet in frame)
        {
            Interface rx = Dispatcher.Tables.InterfaceAt(Buffers.Header(packet).RxInterface);
            MacAddress source = Buffers.PacketHeader<EthernetHeader>(packet).Source;
            if (Learn(rx, rx.L2!.Domain!, source) is { } fault)
            {
                Drop(packet, fault);
            }
            else
            {
                forward.Enqueue(packet);
            }
        }
    }

    /// <summary>Returns why the frame must not go on.</summary>
    private Reason? Learn(Interface rx, BridgeDomain domain, MacAddress source)
    {
        if (source.IsMulticast || source.IsZero)
        {
            return Reason.L2BadSource; // IEEE 802, 8.2: a group sends nothing
        }

        L2Key key = domain.KeyOf(source);
        L2Entry entry = Dispatcher.Tables.L2Fib.Find(key);
        if (entry.IsFilter)
        {
            return Reason.L2LearnFilter;
        }

        if (entry.Exists && entry.Interface == (uint)rx.Index)
        {
            Refresh(rx, domain, key, entry);
            return null;
        }

        if (entry.IsStatic)
        {
            return Reason.L2MacMoveViolation;
        }

        if (!entry.IsLearned && domain.LearnCount >= domain.LearnLimit)
        {
            Count(Reason.L2LearnLimit);
            return null;
        }

        Count(entry.Exists ? Reason.L2MacMoves : Reason.L2LearnMisses);
        Report(rx, key);
        return null;
    }

    /// <summary>Ageing counts minutes, so one report a minute is enough.</summary>
    private void Refresh(Interface rx, BridgeDomain domain, L2Key key, L2Entry entry)
    {
        if (!entry.IsProvisioned && domain.MacAgeMinutes > 0 && entry.Minute != L2Entry.MinuteOf(Dispatcher.Now))
        {
            Count(Reason.L2LearnHitUpdates);
            Report(rx, key);
        }
    }

    private void Report(Interface rx, L2Key key)
    {
        ulong sighting = key.Word ^ ((ulong)rx.Index << 32); // two that look the same cost one of them a millisecond
        ref ulong reported = ref _reported[key.Hash % RememberedReports];
        if (reported == sighting)
        {
            return;
        }

        bool added = messages.Reports.TryAdd(new(WorkerReportKind.MacAddressSeen)
        {
            Time = Dispatcher.Now,
            Interface = rx.Index,
            MacAddress = key.Address,
        });
        if (added)
        {
            reported = sighting;
        }
        else
        {
            Count(Reason.L2LearnReportsFull);
        }
    }
}
