using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The flows of a port.</summary>
internal sealed class FlowTable
{
    private readonly LinkedList<FlowRule> _rules = []; // in the order they were added
    private readonly Dictionary<FlowRule, LinkedListNode<FlowRule>> _nodes = [];
    private ulong _named; // a bit for each unicast address that a flow names; several share one, and one may outlive its flow

    /// <summary>Where a frame from the wire has gone, as long as the flows stay as they are. A field, as frames compare it where it is.</summary>
    public KnownWay Known;

    /// <summary>Normal flows for what comes from the wire, or back from the port's own queues.</summary>
    public FlowPriorities Receive { get; } = new();

    /// <summary>Normal flows for what the port sends.</summary>
    public FlowPriorities Send { get; } = new();

    /// <summary>Queue pairs of default flows for all that is left.</summary>
    public FlowDestination[] AllDefault { get; private set; } = [];

    /// <summary>Queue pairs of default flows for multicast that is left.</summary>
    public FlowDestination[] MulticastDefault { get; private set; } = [];

    /// <summary>Queue pairs that get a copy of every frame.</summary>
    public FlowDestination[] Sniffers { get; private set; } = [];

    /// <summary>The address that the first unicast flow names, if there is one.</summary>
    public MacAddress? FirstUnicastMac { get; private set; }

    /// <summary>True if a flow takes some unicast frames.</summary>
    public bool TakesUnicast => _rules.Any(rule => rule.Parameters.TakesUnicast);

    /// <summary>True if a flow takes unicast frames to any address.</summary>
    public bool TakesAllUnicast => _rules.Any(rule => rule.Parameters.TakesAllUnicast);

    /// <summary>False if no flow can concern a frame that the port sends: it is unicast, and no flow names its address.</summary>
    public bool MayLookAtSent(ReadOnlySpan<byte> frame) =>
        (frame[0] & 1) != 0 || (_named & NameBit(new MacAddress(frame[..6]))) != 0 || !Send.IsEmpty || Sniffers.Length > 0;

    /// <exception cref="NicException">EINVAL, EEXIST, ENOMEM (priority), ENOSPC, EOPNOTSUPP: as a kernel answers.</exception>
    public FlowRule Add(FlowParameters parameters)
    {
        Check(parameters);
        FlowRule rule = new(parameters);
        Known = default;
        if (parameters.Type == FlowType.Normal)
        {
            Priorities(rule).Add(rule);
        }

        _nodes.Add(rule, _rules.AddLast(rule));
        if (parameters.Type != FlowType.Normal)
        {
            PublishDefaults();
        }
        else if (NamesUnicastMac(rule))
        {
            FirstUnicastMac ??= rule.Match.DestinationMac;
            _named |= NameBit(rule.Match.DestinationMac);
        }

        return rule;
    }

    public void Remove(FlowRule rule)
    {
        Known = default;
        _nodes.Remove(rule, out LinkedListNode<FlowRule>? node);
        _rules.Remove(node!);
        if (rule.Parameters.Type != FlowType.Normal)
        {
            PublishDefaults();
            return;
        }

        Priorities(rule).Remove(rule);
        if (NamesUnicastMac(rule))
        {
            FirstUnicastMac = _rules.FirstOrDefault(NamesUnicastMac)?.Match.DestinationMac;
            _named = FirstUnicastMac is null ? 0 : _named;
        }
    }

    private FlowPriorities Priorities(FlowRule rule) => rule.Parameters.IsEgress ? Send : Receive;

    private static void Check(FlowParameters parameters)
    {
        if (parameters.Priority >= FlowPriorities.Count)
        {
            throw NicException.NoMemory($"flow priority {parameters.Priority} is above {FlowPriorities.Count - 1}"); // ENOMEM: mlx5's answer
        }

        if (parameters.Priority < 0 || !Enum.IsDefined(parameters.Type) || !Enum.IsDefined(parameters.Action) || parameters.Tag > 0xFF_FFFF)
        {
            throw NicException.Invalid("no such kind of flow");
        }

        if (parameters.IsEgress)
        {
            CheckEgress(parameters);
        }
        else if (parameters.Action == FlowAction.Forward && parameters.Destination is not { Receives: true })
        {
            throw NicException.Invalid("the flow has no queue pair with a receive queue");
        }
    }

    private static void CheckEgress(FlowParameters parameters)
    {
        if (parameters.Type != FlowType.Normal)
        {
            throw NicException.Invalid("only a normal flow is for what is sent");
        }

        if (parameters.Action == FlowAction.DefaultMiss || (parameters.DontTrap && parameters.Action != FlowAction.Drop))
        {
            throw NicException.NotSupported("a flow for what is sent can't pass it on");
        }
    }

    private void PublishDefaults()
    {
        AllDefault = Destinations(FlowType.AllDefault);
        MulticastDefault = Destinations(FlowType.MulticastDefault);
        Sniffers = Destinations(FlowType.Sniffer);
    }

    private static bool NamesUnicastMac(FlowRule rule) =>
        rule.Parameters is { Type: FlowType.Normal, IsEgress: false } && rule.Match.NamesUnicastMac;

    private static ulong NameBit(MacAddress address) => 1ul << (int)((address.Bits * 0x9E37_79B9_7F4A_7C15) >> 58);

    private FlowDestination[] Destinations(FlowType type) =>
        [.. _rules.Where(r => r.Parameters.Type == type).Select(r => r.Parameters.Destination!).Distinct()];
}
