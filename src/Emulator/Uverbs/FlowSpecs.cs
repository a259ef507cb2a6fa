using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using Verbena.Packets;

namespace Verbena.Emulator.Uverbs;

/// <summary>Reads what a flow matches, as it stands behind struct ib_uverbs_flow_attr.</summary>
internal static class FlowSpecs
{
    private const uint Ethernet = 0x20; // enum ibv_flow_spec_type
    private const uint Ip4 = 0x30;
    private const uint Ip6 = 0x31;
    private const uint Tcp = 0x40;
    private const uint Udp = 0x41;
    private const uint ActionTag = 0x1000;

    /// <exception cref="UverbsException">EINVAL: lengths that contradict each other. EOPNOTSUPP: a header not known.</exception>
    public static unsafe (List<FlowSpec> Specs, uint? Tag) Parse(ReadOnlySpan<byte> bytes, int count)
    {
        var specs = new List<FlowSpec>(count);
        uint? tag = null;
        for (int i = 0; i < count; i++)
        {
            ib_uverbs_flow_spec_hdr header = Read<ib_uverbs_flow_spec_hdr>(bytes);
            if (header.size < sizeof(ib_uverbs_flow_spec_hdr) || header.size > bytes.Length)
            {
                throw UverbsException.Invalid($"flow specification 0x{header.type:x} of {header.size} bytes");
            }

            ReadOnlySpan<byte> spec = bytes[..header.size];
            if (header.type == ActionTag)
            {
                tag = Read<ib_uverbs_flow_spec_action_tag>(spec).tag_id;
            }
            else
            {
                specs.Add(ParseHeader(header.type, spec));
            }

            bytes = bytes[header.size..];
        }

        return bytes.IsEmpty ? (specs, tag) : throw UverbsException.Invalid("flow specifications are shorter than their size says");
    }

    private static FlowSpec ParseHeader(uint type, ReadOnlySpan<byte> spec) => type switch
    {
        Ethernet => ParseEthernet(Read<ib_uverbs_flow_spec_eth>(spec)),
        Ip4 => ParseIp4(Read<ib_uverbs_flow_spec_ipv4>(spec)),
        Ip6 => ParseIp6(Read<ib_uverbs_flow_spec_ipv6>(spec)),
        Tcp => ParsePorts(IpProtocol.Tcp, Read<ib_uverbs_flow_spec_tcp_udp>(spec)),
        Udp => ParsePorts(IpProtocol.Udp, Read<ib_uverbs_flow_spec_tcp_udp>(spec)),
        _ => throw UverbsException.NotSupported($"flow specification 0x{type:x}"),
    };

    private static EthernetSpec ParseEthernet(in ib_uverbs_flow_spec_eth spec) => new()
    {
        Destination = spec.val.dst_mac,
        DestinationMask = spec.mask.dst_mac,
        Source = spec.val.src_mac,
        SourceMask = spec.mask.src_mac,
        EtherType = spec.val.ether_type,
        EtherTypeMask = spec.mask.ether_type,
        VlanTag = spec.val.vlan_tag,
        VlanTagMask = spec.mask.vlan_tag,
    };

    private static Ip4Spec ParseIp4(in ib_uverbs_flow_spec_ipv4 spec) => spec.mask.ttl == 0 && spec.mask.flags == 0
        ? new Ip4Spec
        {
            Source = new Ip4Address(spec.val.src_ip),
            SourceMask = new Ip4Address(spec.mask.src_ip),
            Destination = new Ip4Address(spec.val.dst_ip),
            DestinationMask = new Ip4Address(spec.mask.dst_ip),
            Protocol = spec.val.proto,
            ProtocolMask = spec.mask.proto,
            TypeOfService = spec.val.tos,
            TypeOfServiceMask = spec.mask.tos,
        }
        : throw UverbsException.NotSupported("flows that match TTL or IPv4 flags");

    private static unsafe Ip6Spec ParseIp6(ib_uverbs_flow_spec_ipv6 spec) => spec.mask.hop_limit == 0
        ? new Ip6Spec
        {
            Source = Address(spec.val.src_ip),
            SourceMask = Address(spec.mask.src_ip),
            Destination = Address(spec.val.dst_ip),
            DestinationMask = Address(spec.mask.dst_ip),
            FlowLabel = spec.val.flow_label,
            FlowLabelMask = spec.mask.flow_label,
            NextHeader = spec.val.next_hdr,
            NextHeaderMask = spec.mask.next_hdr,
            TrafficClass = spec.val.traffic_class,
            TrafficClassMask = spec.mask.traffic_class,
        }
        : throw UverbsException.NotSupported("flows that match the hop limit");

    private static PortSpec ParsePorts(byte protocol, in ib_uverbs_flow_spec_tcp_udp spec) => new(protocol)
    {
        Source = spec.val.src_port,
        SourceMask = spec.mask.src_port,
        Destination = spec.val.dst_port,
        DestinationMask = spec.mask.dst_port,
    };

    private static unsafe UInt128 Address(byte* bytes) => BinaryPrimitives.ReadUInt128BigEndian(new ReadOnlySpan<byte>(bytes, 16));

    private static unsafe T Read<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged =>
        bytes.Length >= sizeof(T) ? MemoryMarshal.Read<T>(bytes) : throw UverbsException.Invalid($"{typeof(T).Name} is too short");
}
