using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>arp-input: keeps well-formed ARP packets for IPv4 over Ethernet (RFC 826, "Packet Reception"). Next: arp-reply.</summary>
internal sealed class ArpInputNode(Dispatcher dispatcher, InternalNode arpReply) : InternalNode(dispatcher, "arp-input")
{
    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            if (FindFault(packet) is { } fault)
            {
                Drop(packet, fault);
            }
            else
            {
                arpReply.Enqueue(packet);
            }
        }
    }

    private Reason? FindFault(BufferIndex packet)
    {
        ref BufferHeader header = ref Buffers.Header(packet);
        if (header.Length < ArpHeader.Size)
        {
            return Reason.ArpTooShort;
        }

        ref ArpHeader arp = ref Buffers.PacketHeader<ArpHeader>(packet);
        if (arp.HardwareType != ArpHeader.EthernetHardware || arp.HardwareLength != 6)
        {
            return Reason.ArpNotEthernet;
        }

        if (arp.ProtocolType != EtherType.Ip4 || arp.ProtocolLength != 4)
        {
            return Reason.ArpNotIp4;
        }

        if (arp.Operation.Value is not (ArpHeader.Request or ArpHeader.Reply))
        {
            return Reason.ArpOpcodeUnknown;
        }

        return Dispatcher.Tables.InterfaceAt(header.RxInterface).PrimaryAddress.IsZero ? Reason.ArpInterfaceNotIp4 : null;
    }
}
