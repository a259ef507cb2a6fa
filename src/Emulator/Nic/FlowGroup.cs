using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>The entries of one level that share a mask: a hash table by the value under it.</summary>
internal sealed class FlowGroup(FlowLevel level, MatchFields mask, MatchCriteria criteria, int start, int capacity)
{
    private const int MinSlots = 4;
    private readonly bool _isDeep = mask.Misc != default || mask.Inner != default;
    private readonly Vector512<ulong> _outerMask = mask.Outer;
    private FlowEntry?[] _slots = new FlowEntry?[MinSlots]; // open addressing, at most half full
    private FlowEntry? _only;                               // the entry of a group that has one, as most have: found without hashing
    private int _count;

    public FlowLevel Level { get; } = level;

    public MatchFields Mask { get; } = mask;

    public MatchCriteria Criteria { get; } = criteria;

    /// <summary>The group has the entries from this one on of its level; the lowest one that matches takes the frame.</summary>
    public int Start { get; } = start;

    public int Capacity { get; } = capacity;

    public bool IsEmpty => _count == 0;

    public bool IsFull => _count == Capacity;

    /// <summary>True if frames have to be looked at beyond their outer headers.</summary>
    public bool IsDeep => _isDeep;

    /// <summary>The entry for a frame, or null.</summary>
    /// <param name="outer">The frame's outer headers.</param>
    /// <param name="fields">All of its fields, if any group <see cref="IsDeep"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FlowEntry? Find(in Vector512<ulong> outer, in MatchFields fields)
    {
        if (_isDeep)
        {
            return FindDeep(in fields);
        }

        Vector512<ulong> value = outer & _outerMask;
        return _only is not { } only ? FindOuter(in value) : only.Value.Outer == value ? only : null;
    }

    public FlowEntry? FindValue(in MatchFields value) => _isDeep ? FindDeep(in value) : FindOuter(in value.Outer);

    public FlowEntry Add(FlowRule rule)
    {
        FlowEntry entry = new(this, rule);
        if (++_count * 2 > _slots.Length)
        {
            FlowEntry?[] old = _slots;
            _slots = new FlowEntry?[old.Length * 2];
            foreach (FlowEntry? moved in old)
            {
                Insert(moved);
            }
        }

        Insert(entry);
        _only = _count == 1 ? entry : null;
        return entry;
    }

    public void Remove(FlowEntry entry)
    {
        _count--;
        int slot = Array.IndexOf(_slots, entry, Slot(entry));
        slot = slot < 0 ? Array.IndexOf(_slots, entry) : slot;
        _slots[slot] = null;

        // Those that stood behind it because their slots were taken move up.
        for (int next = (slot + 1) & (_slots.Length - 1); _slots[next] is { } moved; next = (next + 1) & (_slots.Length - 1))
        {
            _slots[next] = null;
            Insert(moved);
        }

        _only = _count == 1 ? Array.Find(_slots, e => e is not null) : null;
    }

    private FlowEntry? FindOuter(in Vector512<ulong> value)
    {
        FlowEntry?[] slots = _slots;
        for (int slot = Mix(in value) & (slots.Length - 1); slots[slot] is { } entry; slot = (slot + 1) & (slots.Length - 1))
        {
            if (entry.Value.Outer == value)
            {
                return entry;
            }
        }

        return null;
    }

    private FlowEntry? FindDeep(in MatchFields fields)
    {
        MatchFields value = new() { Outer = fields.Outer & Mask.Outer, Misc = fields.Misc & Mask.Misc, Inner = fields.Inner & Mask.Inner };
        FlowEntry?[] slots = _slots;
        for (int slot = Mix(value) & (slots.Length - 1); slots[slot] is { } entry; slot = (slot + 1) & (slots.Length - 1))
        {
            if (entry.Value == value)
            {
                return entry;
            }
        }

        return null;
    }

    private void Insert(FlowEntry? entry)
    {
        if (entry is not null)
        {
            int slot = Slot(entry);
            while (_slots[slot] is not null)
            {
                slot = (slot + 1) & (_slots.Length - 1);
            }

            _slots[slot] = entry;
        }
    }

    private int Slot(FlowEntry entry) => (_isDeep ? Mix(entry.Value) : Mix(entry.Value.Outer)) & (_slots.Length - 1);

    private static int Mix(in MatchFields value) =>
        Mix(value.Outer ^ (value.Misc * 0x9FB2_1C65_1E98_DF25) ^ (value.Inner * 0xD6E8_FEB8_6659_FD93));

    private static int Mix(in Vector512<ulong> value)
    {
        Vector256<ulong> half = value.GetLower() ^ (value.GetUpper() * 0x2545_F491_4F6C_DD1D);
        ulong mixed = half[0] ^ ulong.RotateLeft(half[1], 17) ^ ulong.RotateLeft(half[2], 29) ^ ulong.RotateLeft(half[3], 43);
        return (int)((mixed * 0x9E37_79B9_7F4A_7C15) >> 40);
    }
}
