using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>What a completion tells of a packet beyond its length and checksums.</summary>
internal readonly unsafe struct PacketMetadata
{
    private const byte VlanStripped = 1; // in l4_hdr_type_etc

    public ulong Timestamp { get; init; }

    public uint RssHash { get; init; }

    public uint FlowTag { get; init; }

    public ushort VlanTag { get; init; }

    public static PacketMetadata Of(mlx5_cqe64* entry) => new()
    {
        Timestamp = entry->timestamp,
        RssHash = entry->rx_hash_result,
        FlowTag = entry->sop_drop_qpn & 0xFF_FFFF,
        VlanTag = (entry->l4_hdr_type_etc & VlanStripped) != 0 ? entry->vlan_info : (ushort)0,
    };

    /// <summary>Writes what was asked for into a buffer's header.</summary>
    public void WriteTo(ref BufferHeader header, RxMetadata wanted)
    {
        header.Timestamp = wanted.HasFlag(RxMetadata.Timestamp) ? Timestamp : 0;
        header.RssHash = wanted.HasFlag(RxMetadata.RssHash) ? RssHash : 0;
        header.FlowTag = wanted.HasFlag(RxMetadata.FlowTag) ? FlowTag : 0;
        header.VlanTag = wanted.HasFlag(RxMetadata.VlanTag) ? VlanTag : (ushort)0;
    }
}
