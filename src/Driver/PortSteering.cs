using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>Keeps the NIC's steering rules as its port wants them. It owns the rules.</summary>
/// <param name="target">Gets the frames.</param>
/// <param name="wanted">What is steered at first: must be down.</param>
/// <param name="isTagged">Completions are to tell each frame's <see cref="SteeringTag"/>.</param>
/// <param name="subject">The port's name, for errors.</param>
internal sealed class PortSteering(ReceiveSideScaling target, SteeredFrames wanted, bool isTagged, string subject) : IDisposable
{
    private readonly Dictionary<FrameFilter, SteeringRule[]> _rules = [];
    private ReceiveSideScaling _target = target;
    private int _rank; // of the rules among those of equal priority: 0 or 1

    /// <summary>What is steered now.</summary>
    public SteeredFrames Frames { get; private set; } = wanted;

    /// <summary>
    /// Steers other frames from now on. What was steered before and still is, never stops: new rules are added before old ones are
    /// removed, and the others not touched. A refusal changes nothing.
    /// </summary>
    /// <exception cref="VerbsException">The NIC refuses a rule.</exception>
    public void Change(SteeredFrames wanted)
    {
        HashSet<FrameFilter> filters = [.. wanted.Filters()];
        Dictionary<FrameFilter, SteeringRule[]> added = filters.Where(filter => !_rules.ContainsKey(filter)).ToDictionary(filter => filter, RulesFor);
        FrameFilter[] removed = [.. _rules.Keys.Where(filter => !filters.Contains(filter))];
        SteeringRule.Change(
            add: [.. added.Values.SelectMany(rules => rules)],
            remove: [.. removed.SelectMany(filter => _rules[filter])]);
        Array.ForEach(removed, filter => _rules.Remove(filter));
        foreach ((FrameFilter filter, SteeringRule[] rules) in added)
        {
            _rules.Add(filter, rules);
        }

        Frames = wanted;
    }

    /// <summary>
    /// Steers the same frames elsewhere. New rules are of the other rank, so they either take over at once or stand behind the old
    /// ones until those go: no frame is lost, and none comes twice but copies, of frames to groups and, while the port is promiscuous, of
    /// unicast to others. A refusal changes nothing.
    /// </summary>
    /// <exception cref="VerbsException">The NIC refuses a rule.</exception>
    public void Retarget(ReceiveSideScaling target)
    {
        (ReceiveSideScaling oldTarget, int oldRank) = (_target, _rank);
        (_target, _rank) = (target, 1 - _rank);
        (FrameFilter Filter, SteeringRule[] Rules)[] added = [.. _rules.Keys.Select(filter => (filter, RulesFor(filter)))];
        try
        {
            // IPv6's old rule goes last: as long as the one for all types stands alone, it takes IPv6 too, to another queue.
            SteeringRule.Change(
                add: [.. added.SelectMany(item => item.Rules)],
                remove: [.. _rules.Values.SelectMany(rules => Enumerable.Reverse(rules))]);
        }
        catch
        {
            (_target, _rank) = (oldTarget, oldRank);
            throw;
        }

        Array.ForEach(added, item => _rules[item.Filter] = item.Rules);
    }

    public void Dispose()
    {
        foreach (SteeringRule rule in _rules.Values.SelectMany(rules => rules))
        {
            rule.Dispose();
        }

        _rules.Clear();
    }

    // Of overlapping rules of equal priority the NIC prefers the kind that was made first, so IPv6's come first.
    private SteeringRule[] RulesFor(FrameFilter filter)
    {
        FrameFilter ranked = filter with { Priority = (ushort)((filter.Priority * 2) + _rank) };
        return
        [
            new SteeringRule(_target.Ip6, ranked, EtherType.Ip6, isTagged, subject),
            new SteeringRule(_target.Ip4, ranked, etherType: null, isTagged, subject),
        ];
    }
}
