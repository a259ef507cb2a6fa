using System.Collections.Frozen;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The sub-interfaces of one port: finds the one that a frame belongs to. Never changes; a new one is published whole.</summary>
internal sealed class SubInterfaceTable(IReadOnlyList<Interface> all)
{
    private readonly FrozenDictionary<int, Interface> _byTags =
        all.Where(sub => sub.Match!.TagCount > 0).ToFrozenDictionary(sub => sub.Match!.Key);

    private readonly Interface? _untagged = all.FirstOrDefault(sub => sub.Match == VlanMatch.Untagged);
    private readonly Interface? _default = all.FirstOrDefault(sub => sub.Match == VlanMatch.Default);

    public static SubInterfaceTable None { get; } = new([]);

    public bool IsEmpty { get; } = all.Count == 0;

    /// <summary>In the order in which they were made.</summary>
    public IReadOnlyList<Interface> All => all;

    public SubInterfaceTable With(IEnumerable<Interface> added) => new([.. all, .. added]);

    public SubInterfaceTable Without(Interface removed) => new([.. all.Where(sub => sub != removed)]);

    /// <summary>The sub-interface that gets a frame, or null: then the port's own interface may have it.</summary>
    public Interface? Find(in VlanTags tags) => FindTagged(in tags) ?? (tags.Count == 0 ? _untagged : null) ?? _default;

    private Interface? FindTagged(in VlanTags tags)
    {
        Interface? found = null;
        if (tags.Count > 1)
        {
            found = Find(VlanMatch.OuterAndInner(in tags), tags.Count) ?? Find(VlanMatch.OuterAndAny(in tags), tags.Count);
        }

        return found ?? (tags.Count > 0 ? Find(VlanMatch.OuterOnly(in tags), tags.Count) ?? Find(VlanMatch.AnyOuter(in tags), tags.Count) : null);
    }

    private Interface? Find(int key, int tagCount) =>
        _byTags.TryGetValue(key, out Interface? sub) && sub.Match!.HasRightCount(tagCount) ? sub : null;
}
