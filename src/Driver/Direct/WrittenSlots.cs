using System.Numerics;
using System.Runtime.InteropServices;

namespace Verbena.Driver.Direct;

/// <summary>Which slots of a completion ring the NIC has written since software made them invalid.</summary>
/// <remarks>
/// It is software that must invalidate all slots behind a compressed session's title, but the NIC writes only one in eight of
/// them. The others are mostly invalid since an earlier pass, and then their lines need not be touched.
/// </remarks>
internal readonly unsafe struct WrittenSlots : IDisposable
{
    private const uint BitsPerWord = 64;

    private readonly ulong* _words;
    private readonly uint _slots;
    private readonly uint _slotsPerWord;

    /// <param name="slots">How many the ring has, a power of two; all are invalid.</param>
    public WrittenSlots(uint slots)
    {
        _slots = slots;
        _slotsPerWord = Math.Min(slots, BitsPerWord);
        _words = (ulong*)NativeMemory.AllocZeroed(slots / _slotsPerWord, sizeof(ulong));
    }

    /// <summary>Notes that the NIC has written the slots of completions <paramref name="first"/> to before <paramref name="end"/>, which may be several passes.</summary>
    public void Add(uint first, uint end)
    {
        for (uint index = end - Math.Min(end - first, _slots); index != end;)
        {
            *WordOf(index) |= BitsOf(ref index, end);
        }
    }

    /// <summary>Makes invalid what is valid of the slots of completions <paramref name="first"/> to before <paramref name="end"/>.</summary>
    public void Invalidate(in CompletionRing ring, uint first, uint end)
    {
        for (uint index = first; index != end;)
        {
            uint start = index & ~(_slotsPerWord - 1);
            ulong* word = WordOf(index);
            ulong written = *word & BitsOf(ref index, end);
            *word &= ~written;
            for (; written != 0; written &= written - 1)
            {
                ring.Invalidate(start + (uint)BitOperations.TrailingZeroCount(written), 1);
            }
        }
    }

    public void Dispose() => NativeMemory.Free(_words);

    private ulong* WordOf(uint index) => &_words[(index & (_slots - 1)) / _slotsPerWord];

    /// <summary>The bits of a word from <paramref name="index"/> on, which moves to the next word or to <paramref name="end"/>.</summary>
    private ulong BitsOf(ref uint index, uint end)
    {
        uint bit = index & (_slotsPerWord - 1);
        uint count = Math.Min(_slotsPerWord - bit, end - index);
        index += count;
        return (ulong.MaxValue >> (int)(BitsPerWord - count)) << (int)bit;
    }
}
