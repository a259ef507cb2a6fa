using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>Keeps the NIC's steering rules as its port wants them. It owns the rules.</summary>
/// <param name="rss4">Gets all frames but those of IPv6.</param>
/// <param name="rss6">Gets the frames of IPv6.</param>
/// <param name="wanted">What is steered at first: must be down.</param>
/// <param name="isTagged">Completions are to tell each frame's <see cref="SteeringTag"/>.</param>
/// <param name="subject">The port's name, for errors.</param>
internal sealed class PortSteering(RssQueuePair rss4, RssQueuePair rss6, SteeredFrames wanted, bool isTagged, string subject) : IDisposable
{
    private readonly Dictionary<FrameFilter, SteeringRule[]> _rules = [];

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

    public void Dispose()
    {
        foreach (SteeringRule rule in _rules.Values.SelectMany(rules => rules))
        {
            rule.Dispose();
        }

        _rules.Clear();
    }

    // Of overlapping rules of equal priority the NIC prefers the kind that was made first, so IPv6's come first.
    private SteeringRule[] RulesFor(FrameFilter filter) =>
    [
        new SteeringRule(rss6, filter, EtherType.Ip6, isTagged, subject),
        new SteeringRule(rss4, filter, etherType: null, isTagged, subject),
    ];
}
