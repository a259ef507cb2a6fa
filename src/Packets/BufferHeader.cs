using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>Names one buffer of a <see cref="BufferPool"/>; what a frame of the graph and a queue's ring carry.</summary>
public readonly record struct BufferIndex(uint Value);

/// <summary>What is known about a packet beyond its bytes.</summary>
[Flags]
public enum BufferFlags : uint
{
    None = 0,

    /// <summary>The NIC has verified the IPv4 header checksum; ip4-input need not sum it again.</summary>
    Ip4ChecksumGood = 1,

    /// <summary>The packet was made here, so it may leave with the TTL it has (RFC 1812, 5.3.1 is for forwarding).</summary>
    LocallyOriginated = 2,

    /// <summary>The frame came to a group address of the link, so nothing unicast in it is forwarded or answered (RFC 1812, 5.3.4).</summary>
    LinkBroadcast = 4,

    /// <summary>The packet goes on in <see cref="BufferHeader.NextBuffer"/>.</summary>
    HasNext = 8,

    /// <summary>The NIC is to compute the IPv4 header checksum when it sends the packet.</summary>
    OffloadIp4Checksum = 16,

    /// <summary>The NIC is to compute the TCP or UDP checksum when it sends the packet.</summary>
    OffloadL4Checksum = 32,

    /// <summary>
    /// The NIC is to cut the TCP payload into segments of <see cref="BufferHeader.SegmentBytes"/>, and to compute their
    /// checksums. Only a port in dv mode can be asked.
    /// </summary>
    SegmentTcp = 64,

    /// <summary>What of a packet the NIC can be asked for when it sends it.</summary>
    Offloads = OffloadIp4Checksum | OffloadL4Checksum | SegmentTcp,
}

/// <summary>One cache line in front of every buffer: what the graph's nodes tell each other about the packet.</summary>
/// <remarks>Whoever holds the <see cref="BufferIndex"/> owns the line; the NIC never touches it.</remarks>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct BufferHeader
{
    public const int SizeBytes = 64;

    /// <summary>Where the packet begins, in bytes from the start of the buffer's data area (head room included).</summary>
    [FieldOffset(0x00)] public ushort DataOffset;

    /// <summary>Length of the packet in bytes, from <see cref="DataOffset"/> on.</summary>
    [FieldOffset(0x02)] public ushort Length;

    [FieldOffset(0x04)] public BufferFlags Flags;

    /// <summary>Index of the interface that received the packet.</summary>
    [FieldOffset(0x08)] public uint RxInterface;

    /// <summary>Index of the interface that is to send it.</summary>
    [FieldOffset(0x0C)] public uint TxInterface;

    /// <summary>Index of the adjacency that a lookup chose.</summary>
    [FieldOffset(0x10)] public uint Adjacency;

    /// <summary>Index of the counter under which a drop is counted: the reason and the node that found it.</summary>
    [FieldOffset(0x14)] public uint DropCounter;

    /// <summary>The ICMP error that the packet is to be answered with, as the data plane encodes it.</summary>
    [FieldOffset(0x18)] public uint IcmpError;

    /// <summary>Index of the buffer in which the packet goes on, if <see cref="BufferFlags.HasNext"/> is set.</summary>
    [FieldOffset(0x1C)] public uint NextBuffer;

    /// <summary>In the first buffer of a chain: the packet's bytes that lie in the others.</summary>
    [FieldOffset(0x20)] public uint ChainedBytes;

    /// <summary>With <see cref="BufferFlags.SegmentTcp"/>: the payload bytes of each segment.</summary>
    [FieldOffset(0x24)] public ushort SegmentBytes;

    /// <summary>With <see cref="BufferFlags.SegmentTcp"/>: all headers' bytes, TCP's included; they lie in the first buffer.</summary>
    [FieldOffset(0x26)] public ushort SegmentHeaderBytes;

    /// <summary>The hash by which the NIC chose the queue, if the port was asked to tell it.</summary>
    [FieldOffset(0x28)] public uint RssHash;

    /// <summary>The tag that a steering rule has given the packet (24 bits), if the port was asked to tell it.</summary>
    [FieldOffset(0x2C)] public uint FlowTag;

    /// <summary>The NIC's clock when the packet arrived, in its ticks, if the port was asked to tell it.</summary>
    [FieldOffset(0x30)] public ulong Timestamp;

    /// <summary>The VLAN tag that the NIC has taken out, if the port was asked to; 0 if there was none.</summary>
    [FieldOffset(0x38)] public ushort VlanTag;

    [FieldOffset(0x3C)] internal uint Taken; // debug builds only
}
