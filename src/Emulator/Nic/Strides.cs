namespace Verbena.Emulator.Nic;

/// <summary>Where in its WQE a striding receive queue is: each frame takes whole strides, one behind the other.</summary>
internal sealed class Strides(StridingParameters parameters)
{
    private const int ShiftBytes = 2; // puts the network header behind 14 bytes of Ethernet on a multiple of four

    private readonly uint _perEntry = 1u << parameters.StridesLog2;
    private readonly int _shift = parameters.TwoByteShift ? ShiftBytes : 0;

    /// <summary>Index of the next stride in the WQE.</summary>
    public uint Next { get; private set; }

    /// <summary>How many are left in the WQE.</summary>
    public uint Rest => _perEntry - Next;

    /// <summary>Where the data of the next frame goes in the buffers of the WQE.</summary>
    public uint OffsetBytes => (Next << parameters.StrideBytesLog2) + (uint)_shift;

    /// <summary>How many a frame takes.</summary>
    public uint Needed(int bytes) =>
        (uint)(bytes + (2 * _shift) + (1 << parameters.StrideBytesLog2) - 1) >> parameters.StrideBytesLog2;

    /// <summary>Consumes strides of the WQE, and says whether these were its last.</summary>
    public bool Take(uint count)
    {
        Next += count;
        if (Next < _perEntry)
        {
            return false;
        }

        Next = 0;
        return true;
    }

    public void Reset() => Next = 0;
}
