using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>The entries of one level that share a mask: a hash table by the value under it.</summary>
internal sealed class FlowGroup(Vector512<ulong> mask)
{
    private readonly List<FlowEntry> _entries = [];
    private FlowEntry?[] _slots = new FlowEntry?[4]; // open addressing, at most half full

    public Vector512<ulong> Mask { get; } = mask;

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>The entry for a frame, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FlowEntry? Find(in Vector512<ulong> key)
    {
        Vector512<ulong> value = key & Mask;
        for (int slot = Slot(value); _slots[slot] is { } entry; slot = (slot + 1) & (_slots.Length - 1))
        {
            if (entry.Value == value)
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>Puts a rule beside those of the same value.</summary>
    /// <exception cref="NicException">EEXIST: they have another tag.</exception>
    public void Add(FlowRule rule)
    {
        FlowEntry? entry = Find(rule.Match.Value);
        if (entry is null)
        {
            entry = new FlowEntry(rule.Match.Value, rule.Parameters.Tag);
            _entries.Add(entry);
            Rebuild();
        }
        else if (entry.Tag != rule.Parameters.Tag)
        {
            throw NicException.Exists("a flow with the same specs and priority has another tag");
        }

        entry.Add(rule);
    }

    public void Remove(FlowRule rule)
    {
        FlowEntry entry = Find(rule.Match.Value)!;
        entry.Remove(rule);
        if (entry.IsEmpty)
        {
            _entries.Remove(entry);
            Rebuild();
        }
    }

    private void Rebuild()
    {
        int size = 4;
        while (size < _entries.Count * 2)
        {
            size *= 2;
        }

        _slots = new FlowEntry?[size];
        foreach (FlowEntry entry in _entries)
        {
            int slot = Slot(entry.Value);
            while (_slots[slot] is not null)
            {
                slot = (slot + 1) & (size - 1);
            }

            _slots[slot] = entry;
        }
    }

    private int Slot(in Vector512<ulong> value)
    {
        Vector256<ulong> half = value.GetLower() ^ (value.GetUpper() * 0x2545_F491_4F6C_DD1D);
        ulong mixed = half[0] ^ ulong.RotateLeft(half[1], 17) ^ ulong.RotateLeft(half[2], 29) ^ ulong.RotateLeft(half[3], 43);
        return (int)((mixed * 0x9E37_79B9_7F4A_7C15) >> 40) & (_slots.Length - 1);
    }
}
