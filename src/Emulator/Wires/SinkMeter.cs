using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>Counts frames, and follows the sequence numbers of those that a generator made.</summary>
/// <remarks>Written by the NIC's thread; anyone may read.</remarks>
public sealed class SinkMeter
{
    private ulong _packets;
    private ulong _bytes;
    private ulong _gaps;
    private ulong _reordered;
    private ulong _next;

    public ulong Packets => Volatile.Read(ref _packets);

    /// <summary>Bytes of the frames, without FCS.</summary>
    public ulong Bytes => Volatile.Read(ref _bytes);

    /// <summary>Generated frames that were missing when a later one came.</summary>
    public ulong Gaps => Volatile.Read(ref _gaps);

    /// <summary>Generated frames that came after a later one; each was counted as a gap before.</summary>
    public ulong Reordered => Volatile.Read(ref _reordered);

    internal int Count(FrameBatch frames)
    {
        for (int i = 0; i < frames.Count; i++)
        {
            ReadOnlySpan<byte> frame = frames[i];
            _bytes += (ulong)frame.Length;
            if (GeneratorFrame.IsOne(frame))
            {
                Follow(GeneratorFrame.Sequence(frame));
            }
        }

        _packets += (ulong)frames.Count;
        return frames.Count;
    }

    private void Follow(ulong sequence)
    {
        if (sequence < _next)
        {
            _reordered++;
            return;
        }

        _gaps += sequence - _next;
        _next = sequence + 1;
    }
}

/// <summary>The frames a generator makes: Ethernet, IPv4 without options, UDP to the discard port, a sequence number.</summary>
internal static class GeneratorFrame
{
    public const int HeaderBytes = EthernetHeader.Size + Ip4Header.Size + 8;
    public const ushort DiscardPort = 9; // RFC 863
    public const int SourcePortOffset = EthernetHeader.Size + Ip4Header.Size;

    public static bool IsOne(ReadOnlySpan<byte> frame) =>
        frame.Length >= HeaderBytes + sizeof(ulong)
        && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherType.Ip4
        && frame[EthernetHeader.Size] == 0x45
        && frame[EthernetHeader.Size + 9] == IpProtocol.Udp
        && BinaryPrimitives.ReadUInt16BigEndian(frame[(SourcePortOffset + 2)..]) == DiscardPort;

    public static ulong Sequence(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt64BigEndian(frame[HeaderBytes..]);
}
