using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ethernet-input: finds the sub-interface of a frame, and keeps frames for this router, sorted by type. Next: arp-input, ip4-input,
/// l2-input.
/// </summary>
internal sealed class EthernetInputNode(Dispatcher dispatcher, InternalNode arpInput, InternalNode ip4Input, InternalNode l2Input)
    : InternalNode(dispatcher, "ethernet-input")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            if (header.Length < EthernetHeader.Size)
            {
                Drop(packet, Reason.TooShortForEthernet);
                continue;
            }

            Interface rx = Dispatcher.Tables.InterfaceAt(header.RxInterface);
            bool tagsMatter = !rx.SubInterfaceTable.IsEmpty || VlanTag.IsTag(Buffers.PacketHeader<EthernetHeader>(packet).Type);
            if (tagsMatter && !TryEnter(packet, ref rx))
            {
                continue;
            }

            if (rx.L2 is { IsBvi: false })
            {
                l2Input.Enqueue(packet);
                continue;
            }

            ref EthernetHeader ethernet = ref Buffers.PacketHeader<EthernetHeader>(packet);
            if (!rx.HasMac(ethernet.Destination.Bits))
            {
                if (!ethernet.Destination.IsMulticast)
                {
                    Drop(packet, Reason.MacMismatch);
                    continue;
                }

                header.Flags |= BufferFlags.LinkBroadcast;
            }

            Classify(packet, ethernet.Type, rx);
        }
    }

    /// <summary>Lets a frame enter by the sub-interface that has its tags, or by the port's own interface; false if it is dropped.</summary>
    private bool TryEnter(BufferIndex packet, ref Interface rx)
    {
        VlanTags tags = VlanTags.Read(Buffers.Packet(packet));
        if (rx.SubInterfaceTable.Find(in tags) is not { } sub)
        {
            return rx.L2 is { IsBvi: false } || TryEnterUntagged(packet, in tags);
        }

        Buffers.Header(packet).RxInterface = (uint)sub.Index;
        sub.Workers[Dispatcher.Worker].CountReceived(Buffers.PacketBytes(packet));
        rx = sub;
        if (!sub.IsAdminUp || (sub.L2 is null && !sub.Match!.CanRoute))
        {
            Drop(packet, sub.IsAdminUp ? Reason.SubInterfaceNotExact : Reason.SubInterfaceDown);
            return false;
        }

        if (sub.L2 is null)
        {
            Buffers.ReplaceTags(packet, sub.Match!.TagCount, []); // routed as though it had come without
        }

        return true;
    }

    /// <summary>An interface in L3 mode takes frames without a tag, or with one that tells a priority only (IEEE 802.1Q, 6.9.1).</summary>
    private bool TryEnterUntagged(BufferIndex packet, in VlanTags tags)
    {
        if (tags is { Count: > 1 } or { Count: 1, Outer: not 0 })
        {
            Drop(packet, Reason.UnknownVlan);
            return false;
        }

        if (tags.Count > 0)
        {
            Buffers.ReplaceTags(packet, tags.Count, []);
        }

        return true;
    }

    private void Classify(BufferIndex packet, ushort type, Interface rx)
    {
        switch (type)
        {
            case EtherType.Ip4:
                rx.Workers[Dispatcher.Worker].Ip4++;
                Buffers.Advance(packet, EthernetHeader.Size);
                ip4Input.Enqueue(packet);
                break;
            case EtherType.Arp:
                Buffers.Advance(packet, EthernetHeader.Size);
                arpInput.Enqueue(packet);
                break;
            default:
                Drop(packet, Reason.UnknownEthernetType);
                break;
        }
    }
}
