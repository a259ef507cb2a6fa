using System.Numerics;

namespace Verbena.Dataplane;

/// <summary>A bounded queue from one thread to one other, without locks.</summary>
/// <remarks>
/// The producer alone moves <c>_tail</c>, the consumer alone <c>_head</c>; each publishes with release what it has done to a
/// slot, and reads the other's index with acquire before it touches one.
/// </remarks>
internal sealed class SpscRing<T>
    where T : struct
{
    private readonly T[] _slots;
    private uint _head;
    private uint _tail;

    /// <summary>Makes a ring of <paramref name="capacity"/> slots, a power of two.</summary>
    public SpscRing(int capacity)
    {
        if (!BitOperations.IsPow2(capacity))
        {
            throw new ArgumentException("a ring has a power of two slots", nameof(capacity));
        }

        _slots = new T[capacity];
    }

    /// <summary>Items in it, for the consumer: there may be more by now.</summary>
    public int Count => (int)(Volatile.Read(ref _tail) - _head);

    /// <summary>Whether there is none. May be asked from any thread.</summary>
    public bool IsEmpty => Volatile.Read(ref _head) == Volatile.Read(ref _tail);

    /// <summary>Appends an item, or returns false if the ring is full. Called by the producer.</summary>
    public bool TryAdd(in T item)
    {
        if (_tail - Volatile.Read(ref _head) == (uint)_slots.Length)
        {
            return false;
        }

        _slots[_tail & (uint)(_slots.Length - 1)] = item;
        Volatile.Write(ref _tail, _tail + 1);
        return true;
    }

    /// <summary>Takes the oldest item, if there is one. Called by the consumer.</summary>
    public bool TryTake(out T item)
    {
        if (_head == Volatile.Read(ref _tail))
        {
            item = default;
            return false;
        }

        item = _slots[_head & (uint)(_slots.Length - 1)];
        Volatile.Write(ref _head, _head + 1);
        return true;
    }
}
