using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Decides where a frame goes: to receive queues, to Linux, to the wire. Counts every copy.</summary>
internal sealed class Steering(FlowTable flows, HostNetdev netdev, PortCounters counters)
{
    private readonly FlowEntry[] _hits = new FlowEntry[FlowPriorities.MaxHits];

    [SuppressMessage("Style", "IDE0044", Justification = "a field, so that it need not be cleared for each frame")]
    private MatchFields _fields;

    /// <summary>Frames for Linux, to be handed over at the end of a pass.</summary>
    public FrameBatch ToNetdev { get; } = new();

    /// <summary>Time stamp of the pass, for completions, in ticks of the NIC's clock.</summary>
    public ulong Timestamp { get; set; }

    /// <summary>Steers a frame that came from the wire, and has been parsed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void FromWire(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        if (flows.Known.HasQueueFor(in info))
        {
            counters.Add(flows.Known.DeliverToQueue(frame, in info.Layout, Timestamp)); // as most frames go: one copy, which needs no accounts
        }
        else
        {
            FindWay(frame, in info);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // the loop over frames is to hold what most of them need
    private void FindWay(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        if (flows.Known.HasDestinationFor(in info))
        {
            flows.Known.Deliver(frame, in info, Timestamp);
        }
        else
        {
            Search(frame, in info);
        }
    }

    private void Search(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        bool isMulticast = (frame[0] & 1) != 0;
        int copies = Deliver(frame, in info, flows.Sniffers);
        ReadFields(frame, in info, flows.Receive);
        int hits = flows.Receive.Find(in info.Headers, in _fields, _hits);
        int copiesByFlows = Deliver(frame, in info, hits);
        copies += copiesByFlows;
        bool trapped = hits > 0 && _hits[hits - 1].Traps;
        if (!trapped)
        {
            copies += isMulticast ? MulticastLeft(frame, in info) : UnicastLeft(frame, in info, wasCopied: copiesByFlows > 0);
        }

        Settle(copies, hits);
        if (hits == 1 && trapped && _hits[0].Destinations.Length == 1 && flows.Sniffers.Length == 0 && !flows.Receive.IsDeep)
        {
            flows.Known.Learn(_hits[0], flows.Receive.LookedAt, in info);
        }
    }

    /// <summary>Steers a frame that a queue or, with no context, Linux has sent. True: it goes to the wire (too).</summary>
    public bool FromPort(ReadOnlySpan<byte> frame, NicContext? sender)
    {
        if (!flows.MayLookAtSent(frame))
        {
            return !TakesForNetdev(frame, sender);
        }

        FrameInfo.Parse(frame, out FrameInfo info);
        int copies = Deliver(frame, in info, flows.Sniffers);
        if (!flows.Send.IsEmpty)
        {
            ReadFields(frame, in info, flows.Send);
            int hits = flows.Send.Find(in info.Headers, in _fields, _hits);
            if (hits > 0 && _hits[hits - 1].Drops)
            {
                Settle(copies, hits);
                return false;
            }
        }

        return Loop(frame, in info, sender, copies);
    }

    /// <summary>Hands to Linux what has been collected for it.</summary>
    public void Flush()
    {
        if (ToNetdev.Count == 0)
        {
            return;
        }

        int taken = netdev.Send(ToNetdev);
        counters.Add(PortCounter.NetdevReceived, (ulong)taken);
        counters.Add(PortCounter.NetdevError, (ulong)(ToNetdev.Count - taken));
        ToNetdev.Clear();
    }

    /// <summary>Delivers a sent frame on the port itself, and says whether it goes to the wire.</summary>
    private bool Loop(ReadOnlySpan<byte> frame, in FrameInfo info, NicContext? sender, int copies)
    {
        bool isMulticast = (frame[0] & 1) != 0;
        ReadFields(frame, in info, flows.Receive);
        int hits = flows.Receive.FindLocal(in info.Headers, in _fields, sender, isMulticast, _hits);
        copies += DeliverLocal(frame, in info, hits, sender, isMulticast);
        bool trapped = hits > 0 && _hits[hits - 1].Traps;
        if (isMulticast && !trapped && !IsLinuxsAlone(frame))
        {
            copies += DeliverLocal(frame, in info, flows.MulticastDefault, sender) + DeliverLocal(frame, in info, flows.AllDefault, sender);
        }

        bool forLinux = sender is not null && !trapped
            && (isMulticast ? netdev.HasCarrier : IsNetdevs(frame) && !flows.Receive.IsOfSender(in info.Headers, in _fields, sender));
        if (forLinux)
        {
            copies += ForNetdev(frame);
        }

        bool toWire = isMulticast || (!trapped && !forLinux);
        Settle(copies + (toWire ? 1 : 0), hits);
        return toWire;
    }

    /// <summary>Hands a unicast frame that no flow can take to Linux, if a queue has sent it to Linux's address.</summary>
    private bool TakesForNetdev(ReadOnlySpan<byte> frame, NicContext? sender)
    {
        if (sender is null || !IsNetdevs(frame))
        {
            return false;
        }

        ForNetdev(frame);
        return true;
    }

    private void ReadFields(ReadOnlySpan<byte> frame, in FrameInfo info, FlowPriorities flows)
    {
        if (flows.IsDeep)
        {
            ReadAllFields(frame, in info);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // inlined, its locals would be cleared for each frame
    private void ReadAllFields(ReadOnlySpan<byte> frame, in FrameInfo info) => _fields = TunnelHeaders.Fields(frame, in info);

    private int Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, int hits)
    {
        int copies = 0;
        for (int i = 0; i < hits; i++)
        {
            foreach (FlowDestination destination in _hits[i].Destinations)
            {
                destination.Deliver(frame, in info.Layout, _hits[i].Tag, Timestamp);
                copies++;
            }
        }

        return copies;
    }

    private int DeliverLocal(ReadOnlySpan<byte> frame, in FrameInfo info, int hits, NicContext? sender, bool isMulticast)
    {
        int copies = 0;
        for (int i = 0; i < hits; i++)
        {
            foreach (FlowDestination destination in _hits[i].Destinations)
            {
                if (destination.Accepts(sender, isMulticast))
                {
                    destination.Deliver(frame, in info.Layout, _hits[i].Tag, Timestamp);
                    copies++;
                }
            }
        }

        return copies;
    }

    private int MulticastLeft(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        int copies = IsLinuxsAlone(frame) ? 0 : Deliver(frame, in info, flows.MulticastDefault) + Deliver(frame, in info, flows.AllDefault);
        return copies + (netdev.HasCarrier ? ForNetdev(frame) : 0);
    }

    /// <summary>The default flows lie behind Linux's own, which take broadcast (fs_core.c, MLX5_FLOW_NAMESPACE_LEFTOVERS).</summary>
    private bool IsLinuxsAlone(ReadOnlySpan<byte> frame) => netdev.HasCarrier && new MacAddress(frame[..6]) == MacAddress.Broadcast;

    /// <summary>Linux gets what nobody wanted, as a promiscuous netdev does; of what somebody has got a copy, only what is for its address.</summary>
    private int UnicastLeft(ReadOnlySpan<byte> frame, in FrameInfo info, bool wasCopied)
    {
        bool forLinux = IsNetdevs(frame) || (flows.AllDefault.Length == 0 && !wasCopied);
        return !forLinux ? Deliver(frame, in info, flows.AllDefault) : netdev.HasCarrier ? ForNetdev(frame) : 0;
    }

    private int Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, FlowDestination[] destinations)
    {
        foreach (FlowDestination destination in destinations)
        {
            destination.Deliver(frame, in info.Layout, 0, Timestamp);
        }

        return destinations.Length;
    }

    private int DeliverLocal(ReadOnlySpan<byte> frame, in FrameInfo info, FlowDestination[] destinations, NicContext? sender)
    {
        int copies = 0;
        foreach (FlowDestination destination in destinations)
        {
            if (destination.Accepts(sender, isMulticast: true))
            {
                destination.Deliver(frame, in info.Layout, 0, Timestamp);
                copies++;
            }
        }

        return copies;
    }

    private int ForNetdev(ReadOnlySpan<byte> frame)
    {
        if (!ToNetdev.HasRoom)
        {
            Flush();
        }

        ToNetdev.Add(frame);
        return 1;
    }

    private bool IsNetdevs(ReadOnlySpan<byte> frame) => new MacAddress(frame[..6]) == netdev.MacAddress;

    /// <summary>A frame without a destination is a drop, one with several makes copies.</summary>
    private void Settle(int copies, int hits)
    {
        if (copies > 0)
        {
            counters.Add(PortCounter.Copies, (ulong)(copies - 1));
        }
        else
        {
            bool asked = hits > 0 && _hits[hits - 1].Drops;
            counters.Add(asked ? PortCounter.FlowDrop : PortCounter.NoMatchNetdevDown);
        }
    }
}
