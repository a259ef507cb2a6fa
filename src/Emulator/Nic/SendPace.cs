namespace Verbena.Emulator.Nic;

/// <summary>Holds a send queue to a rate: after a frame the next one waits as long as that frame lasts at the rate.</summary>
/// <remarks>What the NIC's thread is late by is caught up, to a limit; what an idle queue has not used is lost.</remarks>
internal struct SendPace
{
    private const ulong MaxLatePicoseconds = 10_000_000_000;

    private uint _kilobitsPerSecond;
    private bool _wasIdle;
    private UInt128 _notBefore; // picoseconds, of which 64 bits hold 213 days

    /// <summary>Sets the rate from now on, in kb/s of frame without FCS; 0: none.</summary>
    public void Set(uint kilobitsPerSecond) => (_kilobitsPerSecond, _wasIdle, _notBefore) = (kilobitsPerSecond, true, 0);

    /// <summary>True if a frame, should there be one, may go now.</summary>
    public bool Allows(bool isWaiting, ulong nowNanoseconds)
    {
        _wasIdle |= !isWaiting;
        return _kilobitsPerSecond == 0 || Picoseconds(nowNanoseconds) >= _notBefore;
    }

    /// <summary>A frame has gone.</summary>
    public void Count(int frameBytes, ulong nowNanoseconds)
    {
        if (_kilobitsPerSecond != 0)
        {
            UInt128 now = Picoseconds(nowNanoseconds);
            UInt128 earliest = _wasIdle ? now : now - UInt128.Min(now, MaxLatePicoseconds);
            _wasIdle = false;
            _notBefore = UInt128.Max(_notBefore, earliest) + ((ulong)frameBytes * 8 * 1_000_000_000 / _kilobitsPerSecond);
        }
    }

    private static UInt128 Picoseconds(ulong nanoseconds) => (UInt128)nanoseconds * 1000;
}
