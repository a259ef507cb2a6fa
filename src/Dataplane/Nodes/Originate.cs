using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>What all IPv4 packets have in common that the router sends of its own.</summary>
internal static class Originate
{
    /// <summary>RFC 1700's default TTL.</summary>
    public const byte TimeToLive = 64;

    /// <summary>Writes a header without options at the begin of <paramref name="packet"/>, which is as long as the packet, its checksum included.</summary>
    /// <remarks>The packet may be cut into fragments, so <paramref name="identification"/> is to be <see cref="Dispatcher.NextIdentification"/>.</remarks>
    public static void WriteIp4Header(
        Span<byte> packet, ushort identification, byte typeOfService, byte protocol, Ip4Address source, Ip4Address destination)
    {
        ref Ip4Header ip = ref MemoryMarshal.AsRef<Ip4Header>(packet);
        ip = new Ip4Header
        {
            VersionAndHeaderLength = 0x45,
            TypeOfService = typeOfService,
            TotalLength = (ushort)packet.Length,
            Identification = identification,
            TimeToLive = TimeToLive,
            Protocol = protocol,
            Source = source,
            Destination = destination,
        };
        WriteChecksum(ref ip, packet);
    }

    /// <summary>Sums a header that has been changed, options included.</summary>
    public static void WriteChecksum(ref Ip4Header ip, ReadOnlySpan<byte> packet)
    {
        ip.Checksum = 0;
        ip.Checksum = Checksum.Compute(packet[..ip.HeaderBytes]);
    }
}
