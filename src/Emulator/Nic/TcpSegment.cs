using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What changes in the headers of a large TCP packet when they are copied in front of a piece of its payload.</summary>
internal static class TcpSegment
{
    private const byte Fin = 0x01;
    private const byte Push = 0x08;
    private const byte CongestionWindowReduced = 0x80;

    /// <summary>Writes lengths, identification, sequence number and flags; checksums are left alone.</summary>
    /// <param name="segment">The whole frame, with the headers of the large packet.</param>
    /// <param name="headers">Where they stand.</param>
    /// <param name="index">Number of segments before this one.</param>
    /// <param name="offset">Bytes of payload before this one's.</param>
    /// <param name="isLast">FIN and PSH belong to the last one.</param>
    /// <remarks>Linux, net/ipv4/tcp_offload.c (tcp_gso_segment), says the same of the flags; CWR is for the first one (RFC 3168, 6.1.2).</remarks>
    public static void Complete(Span<byte> segment, in FrameHeaders headers, int index, int offset, bool isLast)
    {
        WriteLengths(segment, headers.Outer, index);
        WriteLengths(segment, headers.Inner, index);
        Span<byte> tcp = segment[headers.Innermost.TransportOffset..];
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)offset);
        int cleared = (index == 0 ? 0 : CongestionWindowReduced) | (isLast ? 0 : Fin | Push);
        tcp[13] &= (byte)~cleared;
    }

    private static void WriteLengths(Span<byte> segment, in HeaderLayer layer, int index)
    {
        Span<byte> packet = segment[layer.NetworkOffset..];
        if (layer.IpVersion == 4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
            ushort identification = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(identification + index));
        }
        else if (layer.IpVersion == 6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(packet.Length - HeaderLayer.Ip6HeaderBytes));
        }

        if (layer.Transport == IpProtocol.Udp)
        {
            Span<byte> udp = segment[layer.TransportOffset..];
            BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        }
    }
}
