namespace Verbena.Emulator.Nic;

/// <summary>How far the data segments of a send WQE have been taken.</summary>
/// <remarks>It holds no address: between two frames of a WQE the program may deregister the memory that a segment names.</remarks>
/// <param name="wqe">Whose segments.</param>
/// <param name="first">Where they begin in the WQE, in bytes.</param>
internal struct SegmentCursor(SendWqe wqe, int first)
{
    private readonly int _end = wqe.LengthBytes;

    public readonly ushort Index = wqe.Index;

    /// <summary>The segment that is next, or that has been taken in part: its place in the WQE, in bytes.</summary>
    public int At = first;

    /// <summary>Bytes of it that were taken before.</summary>
    public int Taken;

    /// <summary>Bytes of the WQE from <see cref="At"/> on.</summary>
    public readonly int LeftBytes => _end - At;

    public readonly bool IsAtEnd => At >= _end;
}
