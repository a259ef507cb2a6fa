using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Decides where a frame goes: to receive queues, to Linux, to the wire. Counts every copy.</summary>
internal sealed class Steering(FlowTable flows, HostNetdev netdev, PortCounters counters)
{
    private readonly FlowEntry[] _hits = new FlowEntry[FlowTable.MaxHits];

    /// <summary>Frames for Linux, to be handed over at the end of a pass.</summary>
    public FrameBatch ToNetdev { get; } = new();

    /// <summary>Time stamp of the pass, for completions.</summary>
    public ulong Timestamp { get; set; }

    /// <summary>Steers a frame that came from the wire.</summary>
    public void FromWire(ReadOnlySpan<byte> frame)
    {
        FrameInfo info = FrameInfo.Parse(frame);
        bool isMulticast = (frame[0] & 1) != 0;
        int hits = flows.Find(in info.Key, _hits, out bool trapped);
        int copies = Deliver(frame, in info, hits, null);
        if (!trapped)
        {
            copies += isMulticast ? MulticastLeft(frame, in info) : UnicastLeft(frame, in info);
        }

        Settle(copies);
    }

    /// <summary>Steers a frame that a queue or, with no context, Linux has sent. True: it goes to the wire (too).</summary>
    public bool FromPort(ReadOnlySpan<byte> frame, NicContext? sender)
    {
        FrameInfo info = FrameInfo.Parse(frame);
        bool isMulticast = (frame[0] & 1) != 0;
        int hits = flows.FindLocal(in info.Key, sender, isMulticast, _hits, out bool trapped);
        int copies = Deliver(frame, in info, hits, sender);
        bool forLinux = sender is not null && !trapped && (isMulticast ? netdev.HasCarrier : IsNetdevs(frame));
        if (forLinux)
        {
            copies += ForNetdev(frame);
        }

        bool toWire = isMulticast || (!trapped && !forLinux);
        Settle(copies + (toWire ? 1 : 0));
        return toWire;
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

    private int Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, int hits, NicContext? sender)
    {
        int copies = 0;
        for (int i = 0; i < hits; i++)
        {
            uint tag = _hits[i].Tag ?? 0;
            foreach (FlowDestination destination in _hits[i].Destinations)
            {
                if (sender is null || destination.Context != sender)
                {
                    destination.Deliver(frame, in info, tag, Timestamp);
                    copies++;
                }
            }
        }

        return copies;
    }

    private int MulticastLeft(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        int copies = Deliver(frame, in info, flows.MulticastDefault) + Deliver(frame, in info, flows.AllDefault);
        return copies + (netdev.HasCarrier ? ForNetdev(frame) : 0);
    }

    private int UnicastLeft(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        bool forLinux = flows.AllDefault.Length == 0 || IsNetdevs(frame);
        return !forLinux ? Deliver(frame, in info, flows.AllDefault) : netdev.HasCarrier ? ForNetdev(frame) : 0;
    }

    private int Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, FlowDestination[] destinations)
    {
        foreach (FlowDestination destination in destinations)
        {
            destination.Deliver(frame, in info, 0, Timestamp);
        }

        return destinations.Length;
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
    private void Settle(int copies)
    {
        if (copies == 0)
        {
            counters.Add(PortCounter.NoMatchNetdevDown);
        }
        else
        {
            counters.Add(PortCounter.Copies, (ulong)(copies - 1));
        }
    }
}
