namespace Verbena.Dataplane.Tables;

/// <summary>The adjacencies by the index that the forwarding table stores.</summary>
/// <remarks>Indexes 0 to 2 are drop, unreachable and unresolved, which many prefixes share.</remarks>
internal sealed class AdjacencyTable
{
    public const int Drop = 0;
    public const int Unreachable = 1;
    public const int Unresolved = 2;

    private readonly Stack<int> _free = [];
    private readonly int _workers;
    private Adjacency?[] _slots = new Adjacency?[64];
    private int _count;

    /// <summary>Makes a table whose adjacencies are counted by so many workers.</summary>
    public AdjacencyTable(int workers)
    {
        _workers = workers;
        _ = Add(new Adjacency(AdjacencyKind.Drop));
        _ = Add(new Adjacency(AdjacencyKind.Unreachable));
        _ = Add(new Adjacency(AdjacencyKind.Unresolved));
    }

    /// <summary>The adjacency that a lookup found. The array is read after the index was, for it may just have grown.</summary>
    public Adjacency this[uint index] => Volatile.Read(ref _slots)[index]!;

    /// <summary>Stores an adjacency in a slot of its own, before anything refers to it.</summary>
    public int Add(Adjacency adjacency)
    {
        if (!_free.TryPop(out int index))
        {
            index = _count++;
        }

        if (index == _slots.Length)
        {
            Adjacency?[] grown = new Adjacency?[_slots.Length * 2];
            _slots.CopyTo(grown, 0);
            Volatile.Write(ref _slots, grown);
        }

        Replace(index, adjacency);
        return index;
    }

    /// <summary>Puts another adjacency into a slot: packets looked up from now on take it.</summary>
    public void Replace(int index, Adjacency adjacency)
    {
        adjacency.CountFor(_workers);
        Volatile.Write(ref _slots[index], adjacency);
    }

    /// <summary>Gives a slot back. While the workers are parked, and nothing refers to it any more.</summary>
    public void Remove(int index)
    {
        _slots[index] = null;
        _free.Push(index);
    }
}
