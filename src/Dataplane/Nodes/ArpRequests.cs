using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>Makes ARP requests for the nodes that need some, and gives them to interface-output.</summary>
internal sealed class ArpRequests(BufferPool buffers, InternalNode interfaceOutput)
{
    /// <summary>Sends a request, counted at <paramref name="node"/>. False if no buffer was left, which the caller is to count.</summary>
    /// <param name="node">The node that wants to know.</param>
    /// <param name="tx">The link to ask on.</param>
    /// <param name="source">The own address that asks.</param>
    /// <param name="target">The address that is wanted; <paramref name="source"/> itself in an announcement (RFC 5227, 2.3).</param>
    /// <param name="destination">Whom to ask: usually everybody.</param>
    public bool TrySend(Node node, Interface tx, Ip4Address source, Ip4Address target, MacAddress destination)
    {
        if (!buffers.TryTake(out BufferIndex packet))
        {
            return false;
        }

        ref BufferHeader header = ref buffers.Header(packet);
        header.Length = EthernetHeader.Size + ArpHeader.Size;
        header.TxInterface = (uint)tx.Index;
        Write(buffers.Packet(packet), tx.MacAddress, source, target, destination);
        node.Count(Reason.ArpRequestsSent);
        interfaceOutput.Enqueue(packet);
        return true;
    }

    private static void Write(Span<byte> frame, MacAddress own, Ip4Address source, Ip4Address target, MacAddress destination)
    {
        MemoryMarshal.AsRef<EthernetHeader>(frame) = new EthernetHeader
        {
            Destination = destination,
            Source = own,
            Type = EtherType.Arp,
        };
        MemoryMarshal.AsRef<ArpHeader>(frame[EthernetHeader.Size..]) = new ArpHeader
        {
            HardwareType = ArpHeader.EthernetHardware,
            ProtocolType = EtherType.Ip4,
            HardwareLength = 6,
            ProtocolLength = 4,
            Operation = ArpHeader.Request,
            SenderMac = own,
            SenderIp = source,
            TargetIp = target,
        };
    }
}
