using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a flow catches besides its specs (IBV_FLOW_ATTR_*).</summary>
public enum FlowType
{
    /// <summary>What matches its specs.</summary>
    Normal = 0,

    /// <summary>Everything that no normal flow took and that is not for the netdev.</summary>
    AllDefault = 1,

    /// <summary>Multicast that no normal flow took.</summary>
    MulticastDefault = 2,
}

/// <summary>What a flow is made from.</summary>
public sealed record FlowParameters
{
    public required FlowDestination Destination { get; init; }

    public FlowType Type { get; init; }

    /// <summary>0 comes first, 15 last.</summary>
    public int Priority { get; init; }

    /// <summary>The frame goes on to later flows, and to Linux (IBV_FLOW_ATTR_FLAGS_DONT_TRAP).</summary>
    public bool DontTrap { get; init; }

    public IReadOnlyList<FlowSpec> Specs { get; init; } = [];

    /// <summary>What completions carry for frames that this flow took, 24 bits; null: no tag, 0 in completions.</summary>
    public uint? Tag { get; init; }
}

/// <summary>What one header has to look like: (packet and mask) = (value and mask), field by field. A zero mask matches all.</summary>
public abstract record FlowSpec;

/// <summary>IBV_FLOW_SPEC_ETH. A VLAN mask other than 0 asks for a tagged frame, and EtherType is the one behind the tag.</summary>
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

/// <summary>IBV_FLOW_SPEC_IPV4. Implies the EtherType.</summary>
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

/// <summary>IBV_FLOW_SPEC_IPV6. Implies the EtherType. Addresses are numbers: the first byte on the wire is the most significant.</summary>
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
