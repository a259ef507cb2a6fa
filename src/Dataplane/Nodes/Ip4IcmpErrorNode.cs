using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-icmp-error: turns a packet into the ICMP error it deserves, or drops it. Next: ip4-lookup.</summary>
/// <remarks>
/// A packet that deserves no answer is dropped under the reason of the node that sent it here. RFC 1812, 4.3.2.7 says when that
/// is so, 4.3.2.8 asks for a limit: here a token bucket, as Linux has it.
/// </remarks>
internal sealed class Ip4IcmpErrorNode(Dispatcher dispatcher, InternalNode lookup) : InternalNode(dispatcher, "ip4-icmp-error")
{
    private const int HeaderBytes = Ip4Header.Size + IcmpHeader.Size;

    /// <summary>As much of the packet as fits without the answer exceeding 576 bytes (RFC 1812, 4.3.2.3).</summary>
    private const int MaxQuotedBytes = 576 - HeaderBytes;

    /// <summary>Internetwork control, as routing messages have it (RFC 1812, 4.3.2.5).</summary>
    private const byte TypeOfService = 0xC0;

    private TokenBucket _bucket = new(perSecond: 1000, burst: 50);

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            Ip4Address source = SourceFor(packet);
            if (source.IsZero || !DeservesAnswer(packet))
            {
                Dispatcher.Drop.Enqueue(packet);
            }
            else if (!_bucket.TryTake(Dispatcher.Now))
            {
                Drop(packet, Reason.IcmpErrorsThrottled);
            }
            else
            {
                Answer(packet, source);
                lookup.Enqueue(packet);
            }
        }
    }

    /// <summary>The address that was meant, if it is an own one; else that of the interface the packet came by (RFC 1812, 4.3.2.4).</summary>
    private Ip4Address SourceFor(BufferIndex packet)
    {
        Ip4Address destination = Buffers.PacketHeader<Ip4Header>(packet).Destination;
        return Dispatcher.Tables.LookUp(destination).Kind == AdjacencyKind.Receive
            ? destination
            : Dispatcher.Tables.InterfaceAt(Buffers.Header(packet).RxInterface).PrimaryAddress;
    }

    private bool DeservesAnswer(BufferIndex packet)
    {
        ref BufferHeader header = ref Buffers.Header(packet);
        ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
        bool ownOrBroadcast = (header.Flags & (BufferFlags.LocallyOriginated | BufferFlags.LinkBroadcast)) != BufferFlags.None;
        bool laterFragment = (ip.FlagsAndFragmentOffset & Ip4Header.FragmentOffsetMask) != 0;
        return !ownOrBroadcast && !laterFragment && ip.Destination.Value >> 28 < 0xE && !IsIcmpError(packet, in ip);
    }

    /// <summary>ICMP, and not known to be a query: what is too short to tell gets no answer either.</summary>
    private bool IsIcmpError(BufferIndex packet, in Ip4Header ip)
    {
        ReadOnlySpan<byte> payload = Buffers.Packet(packet)[ip.HeaderBytes..];
        return ip.Protocol == IpProtocol.Icmp && (payload.Length == 0 || payload[0] is not (0 or 8 or 9 or 10 or (>= 13 and <= 18)));
    }

    private void Answer(BufferIndex packet, Ip4Address source)
    {
        ref BufferHeader header = ref Buffers.Header(packet);
        Ip4Address destination = Buffers.PacketHeader<Ip4Header>(packet).Source;
        IcmpError error = new(header.IcmpError);
        Buffers.Truncate(packet, Math.Min(Buffers.PacketBytes(packet), MaxQuotedBytes));
        header.Flags = BufferFlags.LocallyOriginated | (header.Flags & BufferFlags.HasNext);
        Buffers.Advance(packet, -HeaderBytes);

        Span<byte> answer = Buffers.Packet(packet);
        Span<byte> message = answer[Ip4Header.Size..];
        ref IcmpHeader icmp = ref MemoryMarshal.AsRef<IcmpHeader>(message);
        icmp = new IcmpHeader { Type = error.Type, Code = error.Code, Sequence = error.NextHopMtu };
        icmp.Checksum = Checksum.Compute(message);
        Originate.WriteIp4Header(answer, Dispatcher.NextIdentification(), TypeOfService, IpProtocol.Icmp, source, destination);
        Count(error.Type == IcmpHeader.TimeExceeded ? Reason.TimeExceededSent : Reason.UnreachableSent);
    }
}
