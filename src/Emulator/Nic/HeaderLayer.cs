using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A network header and the transport header behind it, by their places in a frame. All zero: there is none.</summary>
internal struct HeaderLayer
{
    public const int Ip6HeaderBytes = 40;

    /// <summary>4, 6, or 0 if there is no network header.</summary>
    public byte IpVersion;

    /// <summary>What follows the network header; 0 in a fragment.</summary>
    public byte Protocol;

    /// <summary>TCP or UDP if that header is there whole, else 0.</summary>
    public byte Transport;

    /// <summary>Length of the network header with its IPv4 options, in bytes.</summary>
    public byte NetworkBytes;
    public int NetworkOffset;
    public int TransportOffset;

    /// <summary>Reads the headers at <paramref name="offset"/>. Lengths in them are not looked at: a sender of TSO leaves them to the NIC.</summary>
    public static HeaderLayer Parse(ReadOnlySpan<byte> frame, int offset, ushort etherType)
    {
        HeaderLayer layer = default;
        ReadOnlySpan<byte> packet = frame[Math.Min(offset, frame.Length)..];
        if (etherType == EtherType.Ip4 && packet.Length >= Ip4Header.Size && packet[0] >> 4 == 4)
        {
            bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & (Ip4Header.MoreFragments | Ip4Header.FragmentOffsetMask)) != 0;
            layer.Set(4, offset, (packet[0] & 0xF) * 4, isFragment ? (byte)0 : packet[9], frame.Length);
        }
        else if (etherType == EtherType.Ip6 && packet.Length >= Ip6HeaderBytes && packet[0] >> 4 == 6)
        {
            layer.Set(6, offset, Ip6HeaderBytes, packet[6], frame.Length);
        }

        return layer;
    }

    /// <summary>Makes it the header of a protocol at a place that software has found.</summary>
    public void SetTransport(byte protocol, int offset, int frameLength)
    {
        int needed = protocol == IpProtocol.Tcp ? 20 : 8;
        if (offset > NetworkOffset && offset + needed <= frameLength)
        {
            (Transport, TransportOffset) = (protocol, offset);
        }
    }

    /// <summary>Length of the transport header and its payload by the IP header, in bytes; 0 if that is not in the frame.</summary>
    public readonly int TransportBytes(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> packet = frame[NetworkOffset..];
        int packetBytes = IpVersion == 4
            ? BinaryPrimitives.ReadUInt16BigEndian(packet[2..])
            : BinaryPrimitives.ReadUInt16BigEndian(packet[4..]) + Ip6HeaderBytes;
        int needed = Transport == IpProtocol.Tcp ? 20 : 8;
        int bytes = packetBytes - (TransportOffset - NetworkOffset);
        return packetBytes <= packet.Length && bytes >= needed ? bytes : 0;
    }

    /// <summary>Sum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), to be continued over the transport's bytes.</summary>
    public readonly ulong PseudoHeaderSum(ReadOnlySpan<byte> frame, int transportBytes)
    {
        ReadOnlySpan<byte> addresses = IpVersion == 4 ? frame.Slice(NetworkOffset + 12, 8) : frame.Slice(NetworkOffset + 8, 32);
        return Checksum.Sum(addresses) + new Be16(Transport).Raw + new Be16((ushort)transportBytes).Raw;
    }

    private void Set(byte version, int offset, int headerBytes, byte protocol, int frameLength)
    {
        if (headerBytes < Ip4Header.Size || offset + headerBytes > frameLength)
        {
            return;
        }

        (IpVersion, Protocol, NetworkBytes) = (version, protocol, (byte)headerBytes);
        (NetworkOffset, TransportOffset) = (offset, offset + headerBytes);
        if (protocol is IpProtocol.Tcp or IpProtocol.Udp)
        {
            SetTransport(protocol, TransportOffset, frameLength);
        }
    }
}
