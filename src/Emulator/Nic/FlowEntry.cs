namespace Verbena.Emulator.Nic;

/// <summary>All flows of one level that have the same value and mask: each queue pair among them gets a copy.</summary>
internal sealed class FlowEntry(FlowGroup group, FlowRule first)
{
    private readonly List<FlowRule> _rules = [];

    public FlowGroup Group { get; } = group;

    /// <summary>What frames have under the group's mask. A field, since each frame reads a part of it.</summary>
    public readonly MatchFields Value = first.Match.Value;

    /// <summary>What completions carry: the tag of the flow that was first here.</summary>
    public uint Tag { get; } = first.Parameters.Tag ?? 0;

    public bool Drops { get; } = first.Parameters.Action == FlowAction.Drop;

    /// <summary>True if a frame that was here is offered to the next levels.</summary>
    public bool Continues { get; } = group.Level.Continues && first.Parameters.Action != FlowAction.Drop;

    /// <summary>True if the frame leaves the programs' flows here, for Linux and the default flows.</summary>
    public bool Misses { get; private set; }

    /// <summary>True if the frame ends here.</summary>
    public bool Traps => !Continues && !Misses;

    public bool NamesUnicastMac { get; } = first.Match.NamesUnicastMac;

    /// <summary>The queue pairs of the rules, each once.</summary>
    public FlowDestination[] Destinations { get; private set; } = [];

    public bool IsEmpty => _rules.Count == 0;

    /// <exception cref="NicException">EEXIST: the flows here have another tag or do something else.</exception>
    public void Add(FlowRule rule)
    {
        // Linux, drivers/net/ethernet/mellanox/mlx5/core/fs_core.c, check_conflicting_ftes: a flow without tag joins any.
        if ((rule.Parameters.Action == FlowAction.Drop) != Drops)
        {
            throw NicException.Exists("of flows with the same match and priority, one drops and one does not");
        }

        if (rule.Parameters.Tag is { } tag && tag != Tag)
        {
            throw NicException.Exists("a flow with the same match and priority has another tag");
        }

        rule.Entry = this;
        _rules.Add(rule);
        Publish();
    }

    public void Remove(FlowRule rule)
    {
        _rules.Remove(rule);
        Publish();
    }

    /// <summary>True if a frame that <paramref name="sender"/> has sent on this port comes back to this entry.</summary>
    public bool Concerns(NicContext? sender, bool isMulticast)
    {
        foreach (FlowDestination destination in Destinations)
        {
            if (destination.Accepts(sender, isMulticast))
            {
                return true;
            }
        }

        return Destinations.Length == 0 && HasRuleOfOtherThan(sender);
    }

    private bool HasRuleOfOtherThan(NicContext? sender)
    {
        foreach (FlowRule rule in _rules)
        {
            if (rule.Parameters.Context != sender)
            {
                return true;
            }
        }

        return false;
    }

    private void Publish()
    {
        Destinations = [.. _rules.Select(r => r.Parameters).Where(p => p.Action == FlowAction.Forward && p.Destination is not null)
            .Select(p => p.Destination!).Distinct()];
        Misses = _rules.Exists(r => r.Parameters.Action == FlowAction.DefaultMiss);
    }
}
