using System.Runtime.CompilerServices;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// arp-reply: answers requests for own addresses and tells the control thread which neighbor has which Ethernet address.
/// Next: interface-output.
/// </summary>
/// <remarks>
/// <para>
/// RFC 826: a neighbor is added if it asks for or answers to an own address, and updated whatever it says. RFC 5227: a probe
/// (sender 0.0.0.0) for an own address is answered and teaches nothing; whoever claims an own address is ignored.
/// </para>
/// <para>
/// What is own, the forwarding table knows. What is on the link, the interface's addresses say: a longer route that leads elsewhere
/// changes where packets go, not who may ask.
/// </para>
/// </remarks>
internal sealed class ArpReplyNode(Dispatcher dispatcher, WorkerMessages messages, InternalNode interfaceOutput)
    : InternalNode(dispatcher, "arp-reply")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            Interface rx = Dispatcher.Tables.InterfaceAt(Buffers.Header(packet).RxInterface);
            ref ArpHeader arp = ref Buffers.PacketHeader<ArpHeader>(packet);
            if (FindFault(packet, in arp, rx) is { } fault)
            {
                Drop(packet, fault);
            }
            else if (!IsOwn(arp.TargetIp, rx))
            {
                Drop(packet, Overhear(in arp, rx));
            }
            else if (arp.Operation == ArpHeader.Reply)
            {
                Drop(packet, Learn(in arp, rx) ? Reason.ArpRepliesReceived : Reason.ArpReportsFull);
            }
            else
            {
                Answer(packet, ref arp, rx);
            }
        }
    }

    private Reason? FindFault(BufferIndex packet, in ArpHeader arp, Interface rx)
    {
        if (arp.SenderMac != LinkSource(packet) || arp.SenderMac.IsMulticast || arp.SenderMac.IsZero)
        {
            return Reason.ArpMacMismatch;
        }

        if (arp.TargetIp.IsZero)
        {
            return Reason.ArpDestinationUnset;
        }

        if (arp.SenderIp.IsZero)
        {
            return null;
        }

        if (LookUp(arp.SenderIp).Kind == AdjacencyKind.Receive)
        {
            return Reason.ArpSourceIsOwn;
        }

        return rx.AddressOnNetworkOf(arp.SenderIp) is null ? Reason.ArpSourceNotLocal : null;
    }

    /// <summary>Two others talk: a neighbor that is known is confirmed, one that is not is none of our business.</summary>
    private Reason Overhear(in ArpHeader arp, Interface rx)
    {
        if (!arp.SenderIp.IsZero && LookUp(arp.SenderIp).IsNeighbor(arp.SenderIp))
        {
            return Learn(in arp, rx) ? Reason.ArpSourceLearned : Reason.ArpReportsFull;
        }

        bool announcement = arp.SenderIp.IsZero || arp.SenderIp == arp.TargetIp;
        return announcement ? Reason.ArpProbeOrAnnouncement : Reason.ArpDestinationNotLocal;
    }

    private bool Learn(in ArpHeader arp, Interface rx) => messages.Reports.TryAdd(new(WorkerReportKind.NeighborSeen)
    {
        Time = Dispatcher.Now,
        Interface = rx.Index,
        Address = arp.SenderIp,
        MacAddress = arp.SenderMac,
    });

    private void Answer(BufferIndex packet, ref ArpHeader arp, Interface rx)
    {
        if (!arp.SenderIp.IsZero)
        {
            Count(Learn(in arp, rx) ? Reason.ArpSourceLearned : Reason.ArpReportsFull);
        }

        MacAddress own = rx.MacAddress;
        (arp.SenderIp, arp.TargetIp) = (arp.TargetIp, arp.SenderIp);
        (arp.SenderMac, arp.TargetMac) = (own, arp.SenderMac);
        arp.Operation = ArpHeader.Reply;
        MacAddress asker = arp.TargetMac;

        Buffers.Truncate(packet, ArpHeader.Size); // without the padding of the request
        Buffers.Advance(packet, -EthernetHeader.Size);
        Buffers.PacketHeader<EthernetHeader>(packet) = new() { Destination = asker, Source = own, Type = EtherType.Arp };
        Buffers.Header(packet).TxInterface = (uint)rx.Index;
        Count(Reason.ArpRepliesSent);
        interfaceOutput.Enqueue(packet);
    }

    private bool IsOwn(Ip4Address address, Interface rx) =>
        LookUp(address) is { Kind: AdjacencyKind.Receive } adjacency && adjacency.Interface == rx;

    private Adjacency LookUp(Ip4Address address) => Dispatcher.Tables.LookUp(address);

    // ethernet-input has moved the packet's begin past the Ethernet header, which is still there.
    private unsafe MacAddress LinkSource(BufferIndex packet) =>
        Unsafe.AsRef<EthernetHeader>(Buffers.PacketAddress(packet) - EthernetHeader.Size).Source;
}
