namespace Verbena.Dataplane.L2;

/// <summary>The Ethernet addresses of all bridge domains: a hash table with open addressing. The control thread writes, workers read.</summary>
/// <remarks>
/// An address is complete before its key makes it reachable, and each later change writes one word. A removed one leaves its key
/// behind, so a slot never changes its address; when too many are used up, a new array is published whole and the old one is
/// left to those that still read it.
/// </remarks>
internal sealed class L2Fib
{
    private const int MinSlots = 1024;

    private Slot[] _slots = new Slot[MinSlots];
    private int _used;

    /// <summary>Number of addresses.</summary>
    public int Count { get; private set; }

    /// <summary>All addresses, in the order of their slots. Belongs to the control thread, which may change the table meanwhile.</summary>
    public IEnumerable<(L2Key Key, L2Entry Entry)> Entries =>
        _slots.Where(slot => slot.Word != 0).Select(slot => (new L2Key(slot.Key), L2Entry.Read(slot.Word)));

    /// <summary>What is known about an address.</summary>
    public L2Entry Find(L2Key key)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        ref Slot slot = ref FindSlot(slots, key);
        return Volatile.Read(ref slot.Key) == 0 ? default : L2Entry.Read(Volatile.Read(ref slot.Word));
    }

    /// <summary>Adds or replaces an address.</summary>
    public void Set(L2Key key, L2Entry entry)
    {
        ref Slot slot = ref FindSlot(_slots, key);
        if (slot.Key == 0)
        {
            MakeRoom();
            slot = ref FindSlot(_slots, key);
            _used++;
        }

        Count += slot.Word == 0 ? 1 : 0;
        Volatile.Write(ref slot.Word, entry.Word);
        Volatile.Write(ref slot.Key, key.Word);
    }

    /// <summary>Removes an address, if it is there.</summary>
    public void Remove(L2Key key)
    {
        ref Slot slot = ref FindSlot(_slots, key);
        if (slot.Word != 0)
        {
            Volatile.Write(ref slot.Word, 0);
            Count--;
        }
    }

    /// <summary>The slot that has the key, or the free one where the search ends. Some slot is always free.</summary>
    private static ref Slot FindSlot(Slot[] slots, L2Key key)
    {
        uint at = key.Hash;
        while (true)
        {
            ref Slot slot = ref slots[at & (uint)(slots.Length - 1)];
            ulong found = Volatile.Read(ref slot.Key);
            if (found == key.Word || found == 0)
            {
                return ref slot;
            }

            at++;
        }
    }

    private void MakeRoom()
    {
        if (_used < _slots.Length / 2)
        {
            return;
        }

        int length = MinSlots;
        while (length < Count * 4)
        {
            length *= 2;
        }

        Slot[] fresh = new Slot[length];
        foreach (Slot slot in _slots.Where(slot => slot.Word != 0))
        {
            FindSlot(fresh, new L2Key(slot.Key)) = slot;
        }

        _used = Count;
        Volatile.Write(ref _slots, fresh);
    }

    private struct Slot
    {
        public ulong Key; // 0: free
        public ulong Word; // 0: removed
    }
}
