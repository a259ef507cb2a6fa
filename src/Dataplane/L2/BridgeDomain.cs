using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>A bridge domain: interfaces between which frames are switched by their Ethernet addresses.</summary>
/// <remarks>Made and changed by <see cref="Bridging"/> on the control thread; workers read its words.</remarks>
public sealed class BridgeDomain
{
    public const int MaxId = (1 << 24) - 1;

    /// <summary>How many addresses a domain learns unless it is told otherwise. VPP learns 16 times as many; a flood of made-up ones costs 64 MB here.</summary>
    public const int DefaultLearnLimit = 1 << 20;

    private L2Port[] _members = [];
    private bool _learns = true;
    private bool _forwards = true;
    private bool _floods = true;
    private bool _floodsUnknown = true;
    private int _macAgeMinutes;
    private int _learnLimit = DefaultLearnLimit;
    private int _learnCount;

    internal BridgeDomain(int id, int index) => (Id, Index) = (id, index);

    /// <summary>The number that a person gave it.</summary>
    public int Id { get; }

    /// <summary>What it is known by in the L2 FIB: small, and used again.</summary>
    public int Index { get; }

    /// <summary>A person's note.</summary>
    public string Tag { get; internal set; } = "";

    /// <summary>Whether addresses are learned.</summary>
    public bool Learns
    {
        get => Volatile.Read(ref _learns);
        internal set => Volatile.Write(ref _learns, value);
    }

    /// <summary>Whether frames go where their address was learned; else all unicast is unknown.</summary>
    public bool Forwards
    {
        get => Volatile.Read(ref _forwards);
        internal set => Volatile.Write(ref _forwards, value);
    }

    /// <summary>Whether broadcast and multicast go to all members.</summary>
    public bool Floods
    {
        get => Volatile.Read(ref _floods);
        internal set => Volatile.Write(ref _floods, value);
    }

    /// <summary>Whether unicast to unknown addresses goes to all members.</summary>
    public bool FloodsUnknown
    {
        get => Volatile.Read(ref _floodsUnknown);
        internal set => Volatile.Write(ref _floodsUnknown, value);
    }

    /// <summary>Minutes after which a learned address that was not seen any more is forgotten; 0: never.</summary>
    public int MacAgeMinutes
    {
        get => Volatile.Read(ref _macAgeMinutes);
        internal set => Volatile.Write(ref _macAgeMinutes, value);
    }

    /// <summary>How many addresses it learns at most.</summary>
    public int LearnLimit
    {
        get => Volatile.Read(ref _learnLimit);
        internal set => Volatile.Write(ref _learnLimit, value);
    }

    /// <summary>How many addresses it has learned.</summary>
    public int LearnCount
    {
        get => Volatile.Read(ref _learnCount);
        internal set => Volatile.Write(ref _learnCount, value);
    }

    /// <summary>How often all its addresses were flushed.</summary>
    public int FlushCount { get; internal set; }

    /// <summary>Its members in the order in which they joined.</summary>
    public IReadOnlyList<Interface> Interfaces => [.. _members.Select(member => member.Interface)];

    /// <summary>Its interface for routing, if it has one.</summary>
    public Interface? Bvi => Array.Find(_members, member => member.IsBvi)?.Interface;

    /// <summary>The member that unicast to unknown addresses goes to instead of being flooded, if there is one.</summary>
    public Interface? UnknownForward => UuForward?.Interface;

    /// <summary>Its members; the array never changes.</summary>
    internal ReadOnlySpan<L2Port> Members => Volatile.Read(ref _members);

    internal L2Port? UuForward => Array.Find(Volatile.Read(ref _members), member => member.IsUuForward);

    internal L2Key KeyOf(MacAddress address) => new(Index, address);

    /// <summary>Adds a member, or replaces what it was. While the worker is parked.</summary>
    internal void Set(L2Port member)
    {
        int at = Array.FindIndex(_members, other => other.Interface == member.Interface);
        _members = at < 0 ? [.. _members, member] : [.. _members[..at], member, .. _members[(at + 1)..]];
    }

    /// <summary>While the worker is parked.</summary>
    internal void Remove(IReadOnlySet<Interface> members) => _members = [.. _members.Where(member => !members.Contains(member.Interface))];

    public override string ToString() => $"bridge domain {Id}";
}
