using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Which frames of a port belong to a sub-interface (vnet/ethernet/interface.c).</summary>
/// <remarks>Where several would do, the closest one gets the frame: both tags, the outer with any inner, the outer, any, default.</remarks>
public sealed record VlanMatch
{
    /// <summary>Stands for "any VLAN" in <see cref="Outer"/> and <see cref="Inner"/>.</summary>
    public const int Any = 0x1000;

    /// <summary>Frames without a tag.</summary>
    public static VlanMatch Untagged { get; } = new() { TagCount = 0 };

    /// <summary>Frames that no other sub-interface gets.</summary>
    public static VlanMatch Default { get; } = new() { TagCount = 0, IsDefault = true };

    public bool IsDefault { get; private init; }

    /// <summary>How many tags it looks at.</summary>
    public int TagCount { get; private init; }

    /// <summary>Type of the outer tag: 802.1Q or 802.1ad. The inner one's is always 802.1Q.</summary>
    public ushort OuterType { get; private init; }

    public int Outer { get; private init; }

    public int Inner { get; private init; }

    /// <summary>Frames with more tags than it looks at belong to others.</summary>
    public bool IsExact { get; private init; }

    /// <summary>True if the tags of all its frames are known, so that packets can be sent from here with the same.</summary>
    public bool CanRoute => TagCount == 0 ? !IsDefault : IsExact && Outer != Any && Inner != Any;

    /// <summary>Its tags, the outer first, as far as they are known.</summary>
    internal VlanTag[] Tags { get; private init; } = [];

    /// <summary>What tells it from others in a table of sub-interfaces.</summary>
    internal int Key => MakeKey(OuterType, Outer, TagCount > 1 ? Inner : NoInner);

    private const int NoInner = Any + 1;

    /// <summary>Frames with one tag or more.</summary>
    /// <param name="type">802.1Q or 802.1ad.</param>
    /// <param name="vlan">The VLAN, or <see cref="Any"/>.</param>
    /// <param name="exact">Not those with a second tag.</param>
    public static VlanMatch OneTag(ushort type, int vlan, bool exact) => new()
    {
        TagCount = 1,
        OuterType = type,
        Outer = vlan,
        IsExact = exact,
        Tags = vlan == Any ? [] : [new VlanTag(type, vlan)],
    };

    /// <summary>Frames with two tags or more.</summary>
    /// <param name="type">Type of the outer one: 802.1Q or 802.1ad.</param>
    /// <param name="outer">Its VLAN.</param>
    /// <param name="inner">The second one's VLAN, or <see cref="Any"/>.</param>
    /// <param name="exact">Not those with a third tag.</param>
    public static VlanMatch TwoTags(ushort type, int outer, int inner, bool exact) => new()
    {
        TagCount = 2,
        OuterType = type,
        Outer = outer,
        Inner = inner,
        IsExact = exact,
        Tags = inner == Any ? [new VlanTag(type, outer)] : [new VlanTag(type, outer), new VlanTag(EtherType.Vlan, inner)],
    };

    /// <summary>True if both ask for the same tags, so that it would be undecided whose a frame is.</summary>
    internal bool IsSameAs(VlanMatch other) => (TagCount, IsDefault, Key) == (other.TagCount, other.IsDefault, other.Key);

    /// <summary>True if a frame with these tags may be sent from here: it would be received here.</summary>
    internal bool Matches(in VlanTags tags) => IsDefault || (HasRightCount(tags.Count)
        && (TagCount < 1 || (tags.OuterType == OuterType && (Outer == Any || tags.Outer == Outer)))
        && (TagCount < 2 || Inner == Any || tags.Inner == Inner));

    /// <summary>True if a frame may have as many tags as this.</summary>
    internal bool HasRightCount(int tags) => IsExact || TagCount == 0 ? tags == TagCount : tags >= TagCount;

    internal static int OuterAndInner(in VlanTags tags) => MakeKey(tags.OuterType, tags.Outer, tags.Inner);

    internal static int OuterAndAny(in VlanTags tags) => MakeKey(tags.OuterType, tags.Outer, Any);

    internal static int OuterOnly(in VlanTags tags) => MakeKey(tags.OuterType, tags.Outer, NoInner);

    internal static int AnyOuter(in VlanTags tags) => MakeKey(tags.OuterType, Any, NoInner);

    private static int MakeKey(ushort type, int outer, int inner) => (type == EtherType.ServiceVlan ? 1 << 28 : 0) | (outer << 14) | inner;
}
