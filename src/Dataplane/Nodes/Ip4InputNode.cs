using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-input: keeps packets whose IPv4 header can be trusted (RFC 1812, 5.2.2 and 5.3.7). Next: ip4-lookup.</summary>
/// <remarks>TTL is looked at in ip4-rewrite: a packet for this router may arrive with any (RFC 1812, 4.2.2.9).</remarks>
internal sealed class Ip4InputNode(Dispatcher dispatcher, InternalNode lookup) : InternalNode(dispatcher, "ip4-input")
{
    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;
    private const byte LooseSourceRoute = 131;
    private const byte StrictSourceRoute = 137;

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            if (FindHeaderFault(packet, in header) is { } fault)
            {
                Drop(packet, fault);
                continue;
            }

            ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
            if (FindAddressFault(in ip, header.Flags) is { } addressFault)
            {
                Drop(packet, addressFault);
                continue;
            }

            if (ip.TotalLength != Buffers.PacketBytes(packet))
            {
                Buffers.Truncate(packet, ip.TotalLength); // what is behind it is the padding of a short frame
            }

            lookup.Enqueue(packet);
        }
    }

    private Reason? FindHeaderFault(BufferIndex packet, in BufferHeader header)
    {
        if (header.Length < Ip4Header.Size)
        {
            return Reason.Ip4TooShort;
        }

        ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
        if (ip.Version != 4)
        {
            return Reason.Ip4BadVersion;
        }

        int headerBytes = ip.HeaderBytes;
        if (headerBytes < Ip4Header.Size)
        {
            return Reason.Ip4HeaderTooShort;
        }

        int totalLength = ip.TotalLength;
        if (totalLength < headerBytes || totalLength > Buffers.PacketBytes(packet))
        {
            return Reason.Ip4BadLength;
        }

        if (headerBytes > header.Length)
        {
            return Reason.Ip4BadLength;
        }

        Span<byte> headerSpan = Buffers.Packet(packet)[..headerBytes];
        if ((header.Flags & BufferFlags.Ip4ChecksumGood) == BufferFlags.None && !Checksum.IsValid(headerSpan))
        {
            return Reason.Ip4BadChecksum;
        }

        return headerBytes > Ip4Header.Size && HasBadOptions(headerSpan[Ip4Header.Size..]) ? Reason.Ip4SourceRoute : null;
    }

    /// <summary>Addresses that no packet on a wire may have: RFC 1812, 5.3.7 and RFC 1122, 3.2.1.3.</summary>
    private static Reason? FindAddressFault(in Ip4Header ip, BufferFlags flags)
    {
        uint sourceNet = ip.Source.Value >> 24;
        if (sourceNet is 0 or 127 or >= 224)
        {
            return Reason.Ip4BadSource;
        }

        uint destinationNet = ip.Destination.Value >> 24;
        if (destinationNet is 0 or 127)
        {
            return Reason.Ip4BadDestination;
        }

        // RFC 1812, 5.3.4, and RFC 1122, 3.3.6: else one broadcast frame would be forwarded by every router on the link.
        bool unicastInBroadcast = (flags & BufferFlags.LinkBroadcast) != BufferFlags.None && destinationNet < 224;
        return unicastInBroadcast ? Reason.Ip4LinkBroadcast : null;
    }

    /// <summary>True for source routes, which are refused as most routers refuse them, and for options that can't be told apart.</summary>
    private static bool HasBadOptions(ReadOnlySpan<byte> options)
    {
        while (options.Length > 0 && options[0] != EndOfOptions)
        {
            int length = options[0] == NoOperation ? 1 : options.Length > 1 ? options[1] : 0;
            bool malformed = length > options.Length || length < (options[0] == NoOperation ? 1 : 2);
            if (malformed || options[0] is LooseSourceRoute or StrictSourceRoute)
            {
                return true;
            }

            options = options[length..];
        }

        return false;
    }
}
