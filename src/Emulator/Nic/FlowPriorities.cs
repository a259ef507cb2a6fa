using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>The normal flows of one direction, in the order in which a frame meets them.</summary>
/// <remarks>
/// Levels, first to last: for each priority the flows with DONT_TRAP, then the others; then the flows for multicast
/// only. Of a level at most one entry takes the frame. After an entry with DONT_TRAP the frame goes on to the next
/// level, after another it stops. What passes all levels is for the default flows and for Linux.
/// </remarks>
internal sealed class FlowPriorities
{
    public const int Count = 16;

    /// <summary>The most entries that one frame meets.</summary>
    public const int MaxHits = (Count * 2) + 1;

    private const int MulticastLevel = Count * 2;

    private readonly FlowLevel[] _levels = [.. Enumerable.Range(0, MulticastLevel + 1).Select(i => new FlowLevel(continues: i < MulticastLevel && (i & 1) == 0))];
    private FlowGroup[] _order = [];     // all groups, as a frame meets them

    public bool IsEmpty => _order.Length == 0;

    /// <summary>The bits of a frame's outer headers that a flow compares.</summary>
    public Vector512<ulong> LookedAt { get; private set; }

    /// <summary>True if <see cref="Find"/> wants all fields of a frame.</summary>
    public bool IsDeep { get; private set; }

    /// <exception cref="NicException">EEXIST, ENOSPC: as <see cref="FlowLevel.Add"/>.</exception>
    public void Add(FlowRule rule)
    {
        LevelOf(rule.Parameters).Add(rule);
        Publish();
    }

    public void Remove(FlowRule rule)
    {
        rule.Entry!.Group.Level.Remove(rule);
        Publish();
    }

    /// <summary>Finds the entries that take a frame. The last of them may end its way.</summary>
    public int Find(in Vector512<ulong> outer, in MatchFields fields, Span<FlowEntry> hits)
    {
        int count = 0;
        FlowLevel? done = null;
        foreach (FlowGroup group in _order)
        {
            if (group.Level == done || group.Find(in outer, in fields) is not { } entry)
            {
                continue;
            }

            hits[count++] = entry;
            done = group.Level;
            if (!entry.Continues)
            {
                break;
            }
        }

        return count;
    }

    /// <summary>Finds the entries that take a frame which was sent on this port: those that concern its sender, for unicast only if they name its address.</summary>
    public int FindLocal(in Vector512<ulong> outer, in MatchFields fields, NicContext? sender, bool isMulticast, Span<FlowEntry> hits)
    {
        int count = 0;
        FlowLevel? done = null;
        foreach (FlowGroup group in _order)
        {
            if (group.Level == done || group.Find(in outer, in fields) is not { } entry
                || (!isMulticast && !entry.NamesUnicastMac) || !entry.Concerns(sender, isMulticast))
            {
                continue;
            }

            hits[count++] = entry;
            done = group.Level;
            if (!entry.Continues)
            {
                break;
            }
        }

        return count;
    }

    /// <summary>True if the sender of a unicast frame has the address that the frame is for, so that it is nobody else's on this port.</summary>
    public bool IsOfSender(in Vector512<ulong> outer, in MatchFields fields, NicContext sender)
    {
        foreach (FlowGroup group in _order)
        {
            if (group.Find(in outer, in fields) is { NamesUnicastMac: true, Traps: true } entry && !entry.Concerns(sender, isMulticast: false))
            {
                return true;
            }
        }

        return false;
    }

    private FlowLevel LevelOf(FlowParameters parameters) => _levels[
        parameters.DontTrap ? parameters.Priority * 2
        : parameters.Match.IsMulticastOnly ? MulticastLevel
        : (parameters.Priority * 2) + 1];

    private void Publish()
    {
        _order = [.. _levels.SelectMany(level => level.Groups)];
        IsDeep = Array.Exists(_order, group => group.IsDeep);
        LookedAt = _order.Aggregate(Vector512<ulong>.Zero, (mask, group) => mask | group.Mask.Outer);
    }
}
