using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>All flows of one level that have the same value and mask: each queue pair among them gets a copy.</summary>
internal sealed class FlowEntry(Vector512<ulong> value, uint? tag)
{
    private readonly List<FlowRule> _rules = [];

    public Vector512<ulong> Value { get; } = value;

    public uint? Tag { get; } = tag;

    /// <summary>The queue pairs of the rules, each once.</summary>
    public FlowDestination[] Destinations { get; private set; } = [];

    public bool IsEmpty => _rules.Count == 0;

    public FlowMatch Match => _rules[0].Match;

    public void Add(FlowRule rule)
    {
        _rules.Add(rule);
        Destinations = [.. _rules.Select(r => r.Parameters.Destination).Distinct()];
    }

    public void Remove(FlowRule rule)
    {
        _rules.Remove(rule);
        Destinations = [.. _rules.Select(r => r.Parameters.Destination).Distinct()];
    }
}
