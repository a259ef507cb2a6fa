using Verbena.Emulator.Nic;

namespace Verbena.Emulator.Sharing;

/// <summary>The numbers by which a port of another process names what flows lead to here.</summary>
/// <remarks>A number is an index in the low half, and a tag that changes at each reuse: frames may still be on their way.</remarks>
internal sealed class DestinationTable
{
    private const int IndexBits = 16;
    private readonly List<(uint Number, FlowDestination? Destination, int Flows)> _entries = [];
    private uint _tag;

    /// <summary>Gives a destination its number, or counts one flow more that leads to it.</summary>
    public uint Add(FlowDestination destination)
    {
        int index = _entries.FindIndex(entry => entry.Destination == destination);
        if (index >= 0)
        {
            _entries[index] = _entries[index] with { Flows = _entries[index].Flows + 1 };
            return _entries[index].Number;
        }

        index = _entries.FindIndex(entry => entry.Destination is null);
        if (index < 0)
        {
            index = _entries.Count;
            _entries.Add(default);
        }

        _entries[index] = ((NextTag() << IndexBits) | (uint)index, destination, 1);
        return _entries[index].Number;
    }

    /// <summary>One flow less leads to the destination; without any it has no number.</summary>
    public void Remove(uint number)
    {
        int index = (int)(number & ((1 << IndexBits) - 1));
        int flows = _entries[index].Flows - 1;
        _entries[index] = flows == 0 ? default : _entries[index] with { Flows = flows };
    }

    /// <summary>What has the number; null: nothing has it any more.</summary>
    public FlowDestination? Find(uint number)
    {
        int index = (int)(number & ((1 << IndexBits) - 1));
        return index < _entries.Count && _entries[index].Number == number ? _entries[index].Destination : null;
    }

    /// <summary>Never 0, so that no number is.</summary>
    private uint NextTag() => _tag = (_tag % 0xFFFF) + 1;
}
