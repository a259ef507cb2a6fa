using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ethernet-input: keeps frames for this router and sorts them by type. Next: arp-input, ip4-input.</summary>
internal sealed class EthernetInputNode(Dispatcher dispatcher, InternalNode arpInput, InternalNode ip4Input)
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

            ref EthernetHeader ethernet = ref Buffers.PacketHeader<EthernetHeader>(packet);
            Interface rx = Dispatcher.Tables.InterfaceAt(header.RxInterface);
            if (ethernet.Destination.Bits != rx.MacBits)
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

    private void Classify(BufferIndex packet, ushort type, Interface rx)
    {
        switch (type)
        {
            case EtherType.Ip4:
                rx.Worker.Ip4++;
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
