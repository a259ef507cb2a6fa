using System.Runtime.CompilerServices;
using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>The IPv4 forwarding table: longest-prefix match in a multibit trie of 16, 8 and 8 bits.</summary>
/// <remarks>
/// <para>
/// VPP's structure: one load for prefixes up to /16, at most three, 256 KiB when empty. A trie rather than an immutable
/// snapshot, because a snapshot is copied for each neighbor that appears. Lookup is the only thing the worker
/// calls, so a table of one load (DIR-24-8) can take this one's place when Internet tables come.
/// </para>
/// <para>
/// The control thread changes it while the worker reads: a slot is one word and changes in one write, a ply is filled before a
/// slot refers to it. An emptied ply is used again only after <see cref="FreeEmptiedPlies"/>, called while the worker is parked.
/// </para>
/// </remarks>
internal sealed class Ip4Fib
{
    private const int PlySize = 256;

    private readonly Dictionary<Ip4Prefix, int> _routes = [];
    private readonly FibSlot[] _root = new FibSlot[1 << 16];
    private readonly Stack<int> _freePlies = [];
    private readonly List<int> _emptiedPlies = [];
    private FibSlot[] _plies = new FibSlot[16 * PlySize];
    private readonly int _defaultAdjacency;
    private int _plyCount;

    /// <summary>Makes a table whose default route leads to <paramref name="defaultAdjacency"/>.</summary>
    public Ip4Fib(int defaultAdjacency)
    {
        _defaultAdjacency = defaultAdjacency;
        Add(default, defaultAdjacency);
    }

    /// <summary>The prefixes and the adjacency of each, in no order.</summary>
    public IReadOnlyDictionary<Ip4Prefix, int> Routes => _routes;

    /// <summary>Plies that were ever needed at a time.</summary>
    internal int PlyCount => _plyCount;

    /// <summary>The adjacency of the longest prefix that contains <paramref name="address"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Lookup(Ip4Address address)
    {
        uint bits = address.Value;
        FibSlot slot = FibSlot.Read(ref _root[bits >> 16]);
        if (slot.IsPly)
        {
            slot = ReadPly(slot, bits >> 8);
            if (slot.IsPly)
            {
                slot = ReadPly(slot, bits);
            }
        }

        return slot.Adjacency;
    }

    /// <summary>Adds a route, or replaces the one of the same prefix.</summary>
    public void Add(Ip4Prefix prefix, int adjacency)
    {
        prefix = new Ip4Prefix(prefix.Network, prefix.Length);
        _routes[prefix] = adjacency;
        Write(prefix, prefix.Length, FibSlot.Leaf(adjacency, prefix.Length));
    }

    /// <summary>
    /// Removes a route: what it covered falls to the next shorter prefix, in the end to the default adjacency. Returns the
    /// route's adjacency, -1 if there was none.
    /// </summary>
    public int Remove(Ip4Prefix prefix)
    {
        prefix = new Ip4Prefix(prefix.Network, prefix.Length);
        if (!_routes.Remove(prefix, out int removed))
        {
            return -1;
        }

        if (prefix.Length == 0)
        {
            Add(prefix, _defaultAdjacency);
            return removed;
        }

        Ip4Prefix covering = prefix;
        int adjacency;
        do
        {
            covering = new Ip4Prefix(new Ip4Prefix(prefix.Address, covering.Length - 1).Network, covering.Length - 1);
        }
        while (!_routes.TryGetValue(covering, out adjacency));

        Write(prefix, prefix.Length, FibSlot.Leaf(adjacency, covering.Length));
        Collapse(prefix);
        return removed;
    }

    /// <summary>Whether there is anything for <see cref="FreeEmptiedPlies"/> to free.</summary>
    public bool HasEmptiedPlies => _emptiedPlies.Count > 0;

    /// <summary>Makes emptied plies usable again. While the worker is parked, for it may have been reading them.</summary>
    public void FreeEmptiedPlies()
    {
        _emptiedPlies.ForEach(_freePlies.Push);
        _emptiedPlies.Clear();
    }

    // The array is read after the slot: it may have grown before the slot was written, never after.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private FibSlot ReadPly(FibSlot ply, uint bits) =>
        FibSlot.Read(ref Volatile.Read(ref _plies)[(ply.Ply * PlySize) + (bits & (PlySize - 1))]);

    /// <summary>Overwrites the leaves of a range that stem from prefixes of at most <paramref name="length"/> bits.</summary>
    private void Write(Ip4Prefix range, int length, FibSlot leaf)
    {
        uint bits = range.Address.Value & range.Mask;
        if (range.Length <= 16)
        {
            WriteSlots(_root.AsSpan((int)(bits >> 16), 1 << (16 - range.Length)), length, leaf);
        }
        else if (range.Length <= 24)
        {
            Span<FibSlot> ply = Descend(ref _root[bits >> 16]);
            WriteSlots(ply.Slice((byte)(bits >> 8), 1 << (24 - range.Length)), length, leaf);
        }
        else
        {
            // The lower ply is made first if need be: making one may move the array that the upper one lies in.
            _ = Descend(ref _root[bits >> 16]);
            EnsureRoomForPly();
            Span<FibSlot> ply = Descend(ref Descend(ref _root[bits >> 16])[(byte)(bits >> 8)]);
            WriteSlots(ply.Slice((byte)bits, 1 << (32 - range.Length)), length, leaf);
        }
    }

    private void WriteSlots(Span<FibSlot> slots, int length, FibSlot leaf)
    {
        foreach (ref FibSlot slot in slots)
        {
            if (slot.IsPly)
            {
                WriteSlots(PlyAt((int)slot.Ply), length, leaf);
            }
            else if (slot.PrefixLength <= length)
            {
                FibSlot.Publish(ref slot, leaf);
            }
        }
    }

    /// <summary>The ply below a slot, made of copies of the slot's leaf if there is none yet.</summary>
    private Span<FibSlot> Descend(ref FibSlot slot)
    {
        if (!slot.IsPly)
        {
            EnsureRoomForPly();
            if (!_freePlies.TryPop(out int ply))
            {
                ply = _plyCount++;
            }

            PlyAt(ply).Fill(slot);
            FibSlot.Publish(ref slot, FibSlot.ToPly(ply));
        }

        return PlyAt((int)slot.Ply);
    }

    private void EnsureRoomForPly()
    {
        if (_freePlies.Count == 0 && _plyCount * PlySize == _plies.Length)
        {
            FibSlot[] grown = new FibSlot[_plies.Length * 2];
            _plies.CopyTo(grown, 0);
            Volatile.Write(ref _plies, grown);
        }
    }

    /// <summary>Puts one leaf in the place of each ply on the way to a prefix in which all slots are now equal.</summary>
    private void Collapse(Ip4Prefix prefix)
    {
        uint bits = prefix.Address.Value;
        ref FibSlot upper = ref _root[bits >> 16];
        if (prefix.Length > 24 && upper.IsPly)
        {
            CollapseSlot(ref PlyAt((int)upper.Ply)[(byte)(bits >> 8)], 24);
        }

        if (prefix.Length > 16)
        {
            CollapseSlot(ref upper, 16);
        }
    }

    private void CollapseSlot(ref FibSlot slot, int bitsAbove)
    {
        if (!slot.IsPly)
        {
            return;
        }

        int ply = (int)slot.Ply;
        FibSlot first = PlyAt(ply)[0];
        if (!first.IsPly && first.PrefixLength <= bitsAbove && !PlyAt(ply).ContainsAnyExcept(first))
        {
            FibSlot.Publish(ref slot, first);
            _emptiedPlies.Add(ply);
        }
    }

    private Span<FibSlot> PlyAt(int ply) => _plies.AsSpan(ply * PlySize, PlySize);
}

/// <summary>A word of the trie: a leaf with an adjacency and the length of the prefix it stems from, or the number of a ply.</summary>
internal readonly struct FibSlot : IEquatable<FibSlot>
{
    private const uint PlyBit = 1u << 31;
    private const int LengthShift = 24;
    private readonly uint _word;

    private FibSlot(uint word) => _word = word;

    public bool IsPly => (int)_word < 0;

    public uint Ply => _word & ~PlyBit;

    /// <summary>The adjacency of a leaf: 24 bits.</summary>
    public uint Adjacency => _word & ((1 << LengthShift) - 1);

    /// <summary>The length of the prefix that wrote the leaf, so that a shorter one does not overwrite it.</summary>
    public int PrefixLength => (int)(_word >> LengthShift);

    public static FibSlot Leaf(int adjacency, int prefixLength) => new((uint)adjacency | ((uint)prefixLength << LengthShift));

    public static FibSlot ToPly(int ply) => new((uint)ply | PlyBit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FibSlot Read(ref FibSlot slot) => new(Volatile.Read(ref Unsafe.As<FibSlot, uint>(ref slot)));

    public static void Publish(ref FibSlot slot, FibSlot value) =>
        Volatile.Write(ref Unsafe.As<FibSlot, uint>(ref slot), value._word);

    public bool Equals(FibSlot other) => _word == other._word;

    public override bool Equals(object? obj) => obj is FibSlot other && Equals(other);

    public override int GetHashCode() => (int)_word;
}
