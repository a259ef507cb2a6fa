using System.Buffers.Binary;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>A TCP packet that its sender left to hardware to cut, and the segments that a NIC makes of it.</summary>
/// <remarks>virtio 1.2, 5.1.6.2 for the header; Linux, net/ipv4/tcp_offload.c (tcp_gso_segment) for the flags.</remarks>
internal readonly ref struct SuperFrame
{
    private const byte Fin = 0x01;
    private const byte Push = 0x08;
    private const byte CongestionWindowReduced = 0x80;

    private readonly ReadOnlySpan<byte> _frame;
    private readonly FrameInfo _info;
    private readonly int _headerBytes;
    private readonly int _segmentBytes;
    private readonly int _payloadBytes;

    private SuperFrame(ReadOnlySpan<byte> frame, FrameInfo info, int segmentBytes)
    {
        _frame = frame;
        _info = info;
        _segmentBytes = segmentBytes;
        int tcpBytes = (frame[info.TransportOffset + 12] >> 4) * 4;
        _headerBytes = info.TransportOffset + tcpBytes;
        _payloadBytes = info.TransportBytes - tcpBytes;
    }

    /// <summary>Number of segments.</summary>
    public int Count => (_payloadBytes + _segmentBytes - 1) / _segmentBytes;

    private bool IsWhole => _headerBytes >= _info.TransportOffset + 20 && _payloadBytes > 0;

    /// <summary>False if <paramref name="header"/> asks for nothing, or for something else than TCP, or the frame is not what it says.</summary>
    public static bool TryParse(ReadOnlySpan<byte> frame, in virtio_net_hdr header, out SuperFrame result)
    {
        result = default;
        int type = header.gso_type & ~VirtioNet.VIRTIO_NET_HDR_GSO_ECN;
        if (type is not (VirtioNet.VIRTIO_NET_HDR_GSO_TCPV4 or VirtioNet.VIRTIO_NET_HDR_GSO_TCPV6) || frame.Length < EthernetHeader.Size)
        {
            return false;
        }

        FrameInfo info = FrameInfo.Parse(frame);
        if (info.Transport != IpProtocol.Tcp || header.gso_size == 0)
        {
            return false;
        }

        result = new SuperFrame(frame, info, header.gso_size);
        return result.IsWhole && result._headerBytes + header.gso_size <= FrameBatch.MaxFrameBytes;
    }

    /// <summary>Writes the segment <paramref name="index"/>, its checksums included, and returns its length in bytes.</summary>
    public int Write(int index, Span<byte> room)
    {
        int offset = index * _segmentBytes;
        int payload = Math.Min(_segmentBytes, _payloadBytes - offset);
        Span<byte> segment = room[..(_headerBytes + payload)];
        _frame[.._headerBytes].CopyTo(segment);
        _frame.Slice(_headerBytes + offset, payload).CopyTo(segment[_headerBytes..]);
        WriteNetworkHeader(segment[_info.NetworkOffset..], index);
        WriteTcpHeader(segment[_info.TransportOffset..], index);
        ChecksumOffload.Apply(segment, network: true, transport: true);
        return segment.Length;
    }

    private void WriteNetworkHeader(Span<byte> packet, int index)
    {
        if (_info.IpVersion == 4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
            ushort identification = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(identification + index));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(packet.Length - 40));
        }
    }

    private void WriteTcpHeader(Span<byte> tcp, int index)
    {
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], sequence + (uint)(index * _segmentBytes));
        if (index != 0)
        {
            tcp[13] &= unchecked((byte)~CongestionWindowReduced);
        }

        if (index != Count - 1)
        {
            tcp[13] &= unchecked((byte)~(Fin | Push));
        }
    }
}
