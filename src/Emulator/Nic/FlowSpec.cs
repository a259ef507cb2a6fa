using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>
/// What one header has to look like, field by field: (packet and mask) = value. A zero mask matches all; a value with
/// bits outside its mask is refused.
/// </summary>
public abstract record FlowSpec
{
    /// <summary>The header is the one inside a tunnel (IBV_FLOW_SPEC_INNER).</summary>
    public bool IsInner { get; init; }
}

/// <summary>IBV_FLOW_SPEC_ETH. A VLAN mask other than 0 asks for an 802.1Q tag, and EtherType is the one behind all tags.</summary>
public sealed record EthernetSpec : FlowSpec
{
    public MacAddress Destination { get; init; }

    public MacAddress DestinationMask { get; init; }

    public MacAddress Source { get; init; }

    public MacAddress SourceMask { get; init; }

    public ushort EtherType { get; init; }

    public ushort EtherTypeMask { get; init; }

    public ushort VlanTag { get; init; }

    public ushort VlanTagMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_IPV4. Implies the IP version.</summary>
public sealed record Ip4Spec : FlowSpec
{
    public Ip4Address Source { get; init; }

    public Ip4Address SourceMask { get; init; }

    public Ip4Address Destination { get; init; }

    public Ip4Address DestinationMask { get; init; }

    public byte Protocol { get; init; }

    public byte ProtocolMask { get; init; }

    public byte TypeOfService { get; init; }

    public byte TypeOfServiceMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_IPV6. Implies the IP version. Addresses are numbers: the first byte on the wire is the most significant.</summary>
public sealed record Ip6Spec : FlowSpec
{
    public UInt128 Source { get; init; }

    public UInt128 SourceMask { get; init; }

    public UInt128 Destination { get; init; }

    public UInt128 DestinationMask { get; init; }

    public uint FlowLabel { get; init; }

    public uint FlowLabelMask { get; init; }

    public byte NextHeader { get; init; }

    public byte NextHeaderMask { get; init; }

    public byte TrafficClass { get; init; }

    public byte TrafficClassMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_TCP and IBV_FLOW_SPEC_UDP. Implies the IP protocol, <see cref="IpProtocol.Tcp"/> or <see cref="IpProtocol.Udp"/>.</summary>
public sealed record PortSpec(byte Protocol) : FlowSpec
{
    public ushort Source { get; init; }

    public ushort SourceMask { get; init; }

    public ushort Destination { get; init; }

    public ushort DestinationMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_VXLAN_TUNNEL, of a tunnel on UDP port 4789.</summary>
public sealed record VxlanSpec : FlowSpec
{
    /// <summary>24 bits.</summary>
    public uint Vni { get; init; }

    public uint VniMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_GRE. Implies the IP protocol.</summary>
public sealed record GreSpec : FlowSpec
{
    public ushort Protocol { get; init; }

    public ushort ProtocolMask { get; init; }

    public uint Key { get; init; }

    public uint KeyMask { get; init; }
}

/// <summary>IBV_FLOW_SPEC_ACTION_TAG: stands among the headers, and matches everything.</summary>
public sealed record TagSpec(uint Tag) : FlowSpec;

/// <summary>IBV_FLOW_SPEC_ACTION_DROP: stands among the headers, and matches everything.</summary>
public sealed record DropSpec : FlowSpec;
