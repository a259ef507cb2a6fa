namespace Verbena.Emulator.Nic;

/// <summary>What a flow catches besides its match (IBV_FLOW_ATTR_*).</summary>
public enum FlowType
{
    /// <summary>What matches.</summary>
    Normal = 0,

    /// <summary>Everything that no normal flow took and that is not for the netdev.</summary>
    AllDefault = 1,

    /// <summary>Multicast that no normal flow took.</summary>
    MulticastDefault = 2,

    /// <summary>A copy of every frame that the port receives or sends.</summary>
    Sniffer = 3,
}

/// <summary>What becomes of a frame that a normal flow takes.</summary>
public enum FlowAction
{
    /// <summary>It goes to the flow's destination; what is being sent goes out.</summary>
    Forward = 0,

    Drop = 1,

    /// <summary>It leaves the programs' flows, for Linux and the default flows (MLX5DV_FLOW_ACTION_DEFAULT_MISS).</summary>
    DefaultMiss = 2,
}

/// <summary>What a flow is made from. Only <see cref="Context"/> and <see cref="Destination"/> are more than plain data.</summary>
public sealed record FlowParameters
{
    /// <summary>Whose flow it is.</summary>
    public required NicContext Context { get; init; }

    /// <summary>Where received frames go that are not dropped or passed on.</summary>
    public FlowDestination? Destination { get; init; }

    public FlowType Type { get; init; }

    /// <summary>The flow is for frames that the port sends, and has no destination (IBV_FLOW_ATTR_FLAGS_EGRESS).</summary>
    public bool IsEgress { get; init; }

    public FlowAction Action { get; init; }

    /// <summary>0 comes first, 15 last.</summary>
    public int Priority { get; init; }

    /// <summary>The frame goes on to later flows, and to Linux (IBV_FLOW_ATTR_FLAGS_DONT_TRAP).</summary>
    public bool DontTrap { get; init; }

    public FlowMatch Match { get; init; }

    /// <summary>True if the flow takes some unicast frames.</summary>
    internal bool TakesUnicast => Action == FlowAction.Forward && !IsEgress && Type != FlowType.MulticastDefault && !Match.IsMulticastOnly;

    /// <summary>True if the flow takes unicast frames to any address.</summary>
    internal bool TakesAllUnicast => Action == FlowAction.Forward && !IsEgress
        && (Type is FlowType.AllDefault or FlowType.Sniffer || (Type == FlowType.Normal && Match.TakesAllUnicast));

    /// <summary>What completions carry for frames that this flow took, 24 bits; null: no tag, 0 in completions.</summary>
    public uint? Tag { get; init; }
}
