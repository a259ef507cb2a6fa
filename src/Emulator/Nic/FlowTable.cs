using System.Runtime.Intrinsics;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The flows of a port, in the order in which a frame meets them.</summary>
/// <remarks>
/// Levels, first to last: for each priority the flows with DONT_TRAP, then the others; then the flows for multicast
/// only. In a level, groups of equal mask come in the order in which they were made, and at most one entry takes the
/// frame: the first made mask wins, not the closer one. After an entry with DONT_TRAP the frame goes on to the next
/// level, after another it stops. What passes all levels is for the default flows and for Linux.
/// </remarks>
internal sealed class FlowTable
{
    /// <summary>The most entries that one frame meets.</summary>
    public const int MaxHits = Levels;

    private const int Priorities = 16;
    private const int MulticastLevel = Priorities * 2;
    private const int Levels = MulticastLevel + 1;

    private readonly List<FlowGroup>[] _levels = new List<FlowGroup>[Levels];
    private readonly List<FlowRule> _rules = [];
    private (int Level, FlowGroup Group)[] _order = []; // all groups, as a frame meets them

    public FlowTable()
    {
        for (int i = 0; i < Levels; i++)
        {
            _levels[i] = [];
        }
    }

    /// <summary>Queue pairs of default flows for all that is left, and for multicast only.</summary>
    public FlowDestination[] AllDefault { get; private set; } = [];

    public FlowDestination[] MulticastDefault { get; private set; } = [];

    /// <summary>The rules in the order they were added.</summary>
    public IReadOnlyList<FlowRule> Rules => _rules;

    /// <summary>The address that the first unicast flow names, if there is one.</summary>
    public MacAddress? FirstUnicastMac { get; private set; }

    public FlowRule Add(FlowParameters parameters)
    {
        Check(parameters);
        FlowRule rule = new(parameters, FlowMatch.Of(parameters.Specs));
        if (parameters.Type == FlowType.Normal)
        {
            AddToLevel(rule);
        }

        _rules.Add(rule);
        Publish();
        return rule;
    }

    public void Remove(FlowRule rule)
    {
        _rules.Remove(rule);
        if (rule.Parameters.Type == FlowType.Normal)
        {
            List<FlowGroup> groups = _levels[LevelOf(rule)];
            FlowGroup group = groups.Find(g => g.Mask == rule.Match.Mask)!;
            group.Remove(rule);
            if (group.IsEmpty)
            {
                groups.Remove(group);
            }
        }

        Publish();
    }

    /// <summary>Finds the entries that take a received frame, and says whether the last one ends its way.</summary>
    public int Find(in Vector512<ulong> key, Span<FlowEntry> hits, out bool trapped)
    {
        int count = 0;
        int doneLevel = -1;
        trapped = false;
        foreach ((int level, FlowGroup group) in _order)
        {
            if (level == doneLevel || group.Find(in key) is not { } entry)
            {
                continue;
            }

            hits[count++] = entry;
            doneLevel = level;
            trapped = IsTrap(level);
            if (trapped)
            {
                break;
            }
        }

        return count;
    }

    /// <summary>Finds the entries that take a frame sent on this port: flows of other contexts, for unicast only those that name its address.</summary>
    public int FindLocal(in Vector512<ulong> key, NicContext? sender, bool isMulticast, Span<FlowEntry> hits, out bool trapped)
    {
        int count = 0;
        int doneLevel = -1;
        trapped = false;
        foreach ((int level, FlowGroup group) in _order)
        {
            if (level == doneLevel || group.Find(in key) is not { } entry || !IsForOthers(entry, sender)
                || (!isMulticast && !entry.Match.NamesUnicastMac))
            {
                continue;
            }

            hits[count++] = entry;
            doneLevel = level;
            trapped = IsTrap(level);
            if (trapped)
            {
                break;
            }
        }

        return count;
    }

    private static bool IsTrap(int level) => (level & 1) == 1 || level == MulticastLevel;

    private static bool IsForOthers(FlowEntry entry, NicContext? sender)
    {
        foreach (FlowDestination destination in entry.Destinations)
        {
            if (destination.Context != sender)
            {
                return true;
            }
        }

        return false;
    }

    private static int LevelOf(FlowRule rule)
    {
        FlowParameters parameters = rule.Parameters;
        return parameters.DontTrap ? parameters.Priority * 2
            : rule.Match.IsMulticastOnly ? MulticastLevel
            : (parameters.Priority * 2) + 1;
    }

    private static void Check(FlowParameters parameters)
    {
        if (!parameters.Destination.Receives)
        {
            throw NicException.Invalid("the flow's queue pair has no receive queue");
        }

        if (parameters.Priority >= Priorities)
        {
            throw NicException.NoMemory($"flow priority {parameters.Priority} is above {Priorities - 1}"); // ENOMEM: mlx5's answer
        }

        if (parameters.Type != FlowType.Normal && (parameters.DontTrap || parameters.Tag is not null))
        {
            throw NicException.Invalid("a default flow can neither let frames go on nor tag them");
        }

        if (parameters.Priority < 0 || !Enum.IsDefined(parameters.Type))
        {
            throw NicException.Invalid("no such kind of flow");
        }
    }

    private void AddToLevel(FlowRule rule)
    {
        List<FlowGroup> groups = _levels[LevelOf(rule)];
        FlowGroup? group = groups.Find(g => g.Mask == rule.Match.Mask);
        if (group is null)
        {
            group = new FlowGroup(rule.Match.Mask);
            groups.Add(group);
        }

        group.Add(rule);
    }

    private void Publish()
    {
        _order = [.. _levels.SelectMany((groups, level) => groups.Select(group => (level, group)))];
        FlowRule? unicast = _rules.Find(r => r.Parameters.Type == FlowType.Normal && r.Match.NamesUnicastMac);
        FirstUnicastMac = unicast is null ? null : new MacAddress(unicast.Match.Value[0] >> 16);
        AllDefault = Defaults(FlowType.AllDefault);
        MulticastDefault = Defaults(FlowType.MulticastDefault);
    }

    private FlowDestination[] Defaults(FlowType type) =>
        [.. _rules.Where(r => r.Parameters.Type == type).Select(r => r.Parameters.Destination).Distinct()];
}
