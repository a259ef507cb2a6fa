using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.ibv_flow_spec_type;

namespace Verbena.Emulator.Uverbs;

/// <summary>Reads what a flow matches, as it stands behind struct ib_uverbs_flow_attr.</summary>
/// <remarks>
/// Linux, drivers/infiniband/core/uverbs_cmd.c, kern_spec_to_ib_spec: a header's filter stands there twice, as value and
/// as mask, and may be shorter or longer than the kernel's. Then drivers/infiniband/hw/mlx5/fs.c, parse_flow_attr.
/// </remarks>
internal static class FlowSpecs
{
    private const uint MaxFlowLabel = (1 << 20) - 1;
    private const uint MaxTunnelId = (1 << 24) - 1;
    private const uint MaxTag = (1 << 24) - 1;

    /// <exception cref="UverbsException">EINVAL: sizes or values that no header has. EOPNOTSUPP: fields that an mlx5 does not match.</exception>
    public static unsafe IReadOnlyList<FlowSpec> Parse(ReadOnlySpan<byte> bytes, int count)
    {
        var specs = new List<FlowSpec>(count);
        for (int i = 0; i < count; i++)
        {
            if (bytes.Length < sizeof(ib_uverbs_flow_spec_hdr))
            {
                throw UverbsException.Invalid($"{i} of {count} flow specifications are there");
            }

            ib_uverbs_flow_spec_hdr header = MemoryMarshal.Read<ib_uverbs_flow_spec_hdr>(bytes);
            if (header.size < sizeof(ib_uverbs_flow_spec_hdr) || header.size > bytes.Length || header.reserved != 0)
            {
                throw UverbsException.Invalid($"flow specification 0x{header.type:x} of {header.size} bytes");
            }

            ReadOnlySpan<byte> spec = bytes[..header.size];
            var type = (ibv_flow_spec_type)header.type;
            FlowSpec? parsed = type >= IBV_FLOW_SPEC_ACTION_TAG ? ParseAction(type, spec) : ParseHeader(type, spec[sizeof(ib_uverbs_flow_spec_hdr)..]);
            if (parsed is not null)
            {
                specs.Add(parsed);
            }

            bytes = bytes[header.size..];
        }

        return bytes.IsEmpty ? specs : throw UverbsException.Invalid("flow specifications are shorter than their size says");
    }

    private static unsafe FlowSpec ParseAction(ibv_flow_spec_type type, ReadOnlySpan<byte> spec)
    {
        switch (type)
        {
            case IBV_FLOW_SPEC_ACTION_TAG when spec.Length == sizeof(ib_uverbs_flow_spec_action_tag):
                uint tag = MemoryMarshal.Read<ib_uverbs_flow_spec_action_tag>(spec).tag_id;
                return tag <= MaxTag ? new TagSpec(tag) : throw UverbsException.Invalid($"flow tag 0x{tag:x}: 24 bits");
            case IBV_FLOW_SPEC_ACTION_DROP when spec.Length == sizeof(ib_uverbs_flow_spec_hdr):
                return new DropSpec();
            default:
                throw UverbsException.Invalid($"flow action 0x{(uint)type:x} of {spec.Length} bytes: no counters and no actions exist");
        }
    }

    private static FlowSpec? ParseHeader(ibv_flow_spec_type type, ReadOnlySpan<byte> filters)
    {
        bool inner = type.HasFlag(IBV_FLOW_SPEC_INNER);
        switch (type & ~IBV_FLOW_SPEC_INNER)
        {
            case IBV_FLOW_SPEC_ETH:
                return Ethernet(Read<ib_uverbs_flow_eth_filter>(filters), inner);
            case IBV_FLOW_SPEC_IPV4:
                return Ip4(Read<ib_uverbs_flow_ipv4_filter>(filters), inner);
            case IBV_FLOW_SPEC_IPV6:
                return Ip6(Read<ib_uverbs_flow_ipv6_filter>(filters), inner);
            case IBV_FLOW_SPEC_TCP:
                return Ports(IpProtocol.Tcp, Read<ib_uverbs_flow_tcp_udp_filter>(filters), inner);
            case IBV_FLOW_SPEC_UDP:
                return Ports(IpProtocol.Udp, Read<ib_uverbs_flow_tcp_udp_filter>(filters), inner);
            case IBV_FLOW_SPEC_VXLAN_TUNNEL when !inner:
                return Vxlan(Read<ib_uverbs_flow_tunnel_filter>(filters));
            case IBV_FLOW_SPEC_GRE:
                return Gre(Read<ib_uverbs_flow_gre_filter>(filters), inner);
            case IBV_FLOW_SPEC_MPLS:
                return Mpls(Read<ib_uverbs_flow_mpls_filter>(filters));
            case IBV_FLOW_SPEC_ESP:
                throw UverbsException.NotSupported("flows that match ESP");
            default:
                throw UverbsException.Invalid($"flow specification 0x{(uint)type:x}");
        }
    }

    private static EthernetSpec Ethernet(in Filter<ib_uverbs_flow_eth_filter> filter, bool inner) => new()
    {
        IsInner = inner,
        Destination = filter.Value.dst_mac,
        DestinationMask = filter.Mask.dst_mac,
        Source = filter.Value.src_mac,
        SourceMask = filter.Mask.src_mac,
        EtherType = filter.Value.ether_type,
        EtherTypeMask = filter.Mask.ether_type,
        VlanTag = filter.Value.vlan_tag,
        VlanTagMask = filter.Mask.vlan_tag,
    };

    private static Ip4Spec Ip4(in Filter<ib_uverbs_flow_ipv4_filter> filter, bool inner) => filter.Mask.ttl == 0 && filter.Mask.flags == 0
        ? new Ip4Spec
        {
            IsInner = inner,
            Source = new Ip4Address(filter.Value.src_ip),
            SourceMask = new Ip4Address(filter.Mask.src_ip),
            Destination = new Ip4Address(filter.Value.dst_ip),
            DestinationMask = new Ip4Address(filter.Mask.dst_ip),
            Protocol = filter.Value.proto,
            ProtocolMask = filter.Mask.proto,
            TypeOfService = filter.Value.tos,
            TypeOfServiceMask = filter.Mask.tos,
        }
        : throw UverbsException.NotSupported("flows that match TTL or IPv4 flags");

    private static unsafe Ip6Spec Ip6(Filter<ib_uverbs_flow_ipv6_filter> filter, bool inner)
    {
        if (filter.Value.flow_label > MaxFlowLabel || filter.Mask.flow_label > MaxFlowLabel || filter.Mask.reserved != 0)
        {
            throw UverbsException.Invalid("an IPv6 flow label has 20 bits");
        }

        return filter.Mask.hop_limit == 0
            ? new Ip6Spec
            {
                IsInner = inner,
                Source = Address(filter.Value.src_ip),
                SourceMask = Address(filter.Mask.src_ip),
                Destination = Address(filter.Value.dst_ip),
                DestinationMask = Address(filter.Mask.dst_ip),
                FlowLabel = filter.Value.flow_label,
                FlowLabelMask = filter.Mask.flow_label,
                NextHeader = filter.Value.next_hdr,
                NextHeaderMask = filter.Mask.next_hdr,
                TrafficClass = filter.Value.traffic_class,
                TrafficClassMask = filter.Mask.traffic_class,
            }
            : throw UverbsException.NotSupported("flows that match the hop limit");
    }

    private static PortSpec Ports(byte protocol, in Filter<ib_uverbs_flow_tcp_udp_filter> filter, bool inner) => new(protocol)
    {
        IsInner = inner,
        Source = filter.Value.src_port,
        SourceMask = filter.Mask.src_port,
        Destination = filter.Value.dst_port,
        DestinationMask = filter.Mask.dst_port,
    };

    private static VxlanSpec Vxlan(in Filter<ib_uverbs_flow_tunnel_filter> filter) =>
        filter.Value.tunnel_id <= MaxTunnelId && filter.Mask.tunnel_id <= MaxTunnelId
            ? new VxlanSpec { Vni = filter.Value.tunnel_id, VniMask = filter.Mask.tunnel_id }
            : throw UverbsException.Invalid("a VXLAN network identifier has 24 bits");

    private static GreSpec Gre(in Filter<ib_uverbs_flow_gre_filter> filter, bool inner) => filter.Mask.c_ks_res0_ver == 0
        ? new GreSpec
        {
            IsInner = inner,
            Protocol = filter.Value.protocol,
            ProtocolMask = filter.Mask.protocol,
            Key = filter.Value.key,
            KeyMask = filter.Mask.key,
        }
        : throw UverbsException.NotSupported("flows that match GRE's flags");

    /// <summary>Labels are matched by a port whose firmware was told to parse them; without a mask there is nothing to match.</summary>
    private static FlowSpec? Mpls(in Filter<ib_uverbs_flow_mpls_filter> filter) =>
        filter.Mask.label == 0 ? null : throw UverbsException.NotSupported("flows that match MPLS labels");

    private static unsafe UInt128 Address(byte* bytes) => BinaryPrimitives.ReadUInt128BigEndian(new ReadOnlySpan<byte>(bytes, 16));

    /// <summary>Reads value and mask, of half the bytes each.</summary>
    private static unsafe Filter<T> Read<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged
    {
        int length = bytes.Length / 2;
        int known = Math.Min(length, sizeof(T));
        ReadOnlySpan<byte> mask = bytes.Slice(length, length);
        if (length == 0 || length % 4 != 0 || mask[known..].ContainsAnyExcept((byte)0))
        {
            throw UverbsException.Invalid($"{typeof(T).Name} of {length} bytes");
        }

        Filter<T> filter = default;
        bytes[..known].CopyTo(MemoryMarshal.AsBytes(new Span<T>(ref filter.Value)));
        mask[..known].CopyTo(MemoryMarshal.AsBytes(new Span<T>(ref filter.Mask)));
        return filter;
    }

    private struct Filter<T>
        where T : unmanaged
    {
        public T Value;
        public T Mask;
    }
}
