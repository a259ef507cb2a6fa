using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>A TCP packet that its sender left to hardware to cut, and the segments that a NIC makes of it.</summary>
/// <remarks>virtio 1.2, 5.1.6.2.</remarks>
internal readonly ref struct SuperFrame
{
    private readonly ReadOnlySpan<byte> _frame;
    private readonly FrameHeaders _headers;
    private readonly int _headerBytes;
    private readonly int _segmentBytes;
    private readonly int _payloadBytes;

    private SuperFrame(ReadOnlySpan<byte> frame, FrameHeaders headers, int segmentBytes)
    {
        _frame = frame;
        _headers = headers;
        _segmentBytes = segmentBytes;
        HeaderLayer tcp = headers.Outer;
        int tcpBytes = (frame[tcp.TransportOffset + 12] >> 4) * 4;
        _headerBytes = tcp.TransportOffset + tcpBytes;
        _payloadBytes = tcp.TransportBytes(frame) - tcpBytes;
    }

    /// <summary>Number of segments.</summary>
    public int Count => (_payloadBytes + _segmentBytes - 1) / _segmentBytes;

    private bool IsWhole => _headerBytes >= _headers.Outer.TransportOffset + 20 && _payloadBytes > 0;

    /// <summary>False if <paramref name="header"/> asks for nothing, or for something else than TCP, or the frame is not what it says.</summary>
    public static bool TryParse(ReadOnlySpan<byte> frame, in virtio_net_hdr header, out SuperFrame result)
    {
        result = default;
        int type = header.gso_type & ~VirtioNet.VIRTIO_NET_HDR_GSO_ECN;
        if (type is not (VirtioNet.VIRTIO_NET_HDR_GSO_TCPV4 or VirtioNet.VIRTIO_NET_HDR_GSO_TCPV6) || frame.Length < EthernetHeader.Size)
        {
            return false;
        }

        FrameHeaders headers = FrameHeaders.Parse(frame);
        if (headers.Outer.Transport != IpProtocol.Tcp || header.gso_size == 0)
        {
            return false;
        }

        result = new SuperFrame(frame, headers, header.gso_size);
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
        TcpSegment.Complete(segment, _headers, index, offset, isLast: index == Count - 1);
        ChecksumOffload.Apply(segment, _headers, ChecksumOffload.All);
        return segment.Length;
    }
}
