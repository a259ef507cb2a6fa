namespace Verbena.Emulator.Nic;

/// <summary>Holds a send queue to a rate: after a frame the next one waits as long as that frame lasts at the rate.</summary>
internal struct SendPace
{
    private const ulong PicosecondsPerNanosecond = 1000;

    private uint _kilobitsPerSecond;
    private ulong _notBefore; // picoseconds

    /// <summary>Sets the rate from now on, in kb/s of frame without FCS; 0: none.</summary>
    public void Set(uint kilobitsPerSecond) => (_kilobitsPerSecond, _notBefore) = (kilobitsPerSecond, 0);

    /// <summary>True if a frame may go now.</summary>
    public readonly bool Allows(ulong nowNanoseconds) => _kilobitsPerSecond == 0 || nowNanoseconds * PicosecondsPerNanosecond >= _notBefore;

    /// <summary>A frame has gone. A late one does not let later ones catch up.</summary>
    public void Count(int frameBytes, ulong nowNanoseconds)
    {
        if (_kilobitsPerSecond != 0)
        {
            _notBefore = (nowNanoseconds * PicosecondsPerNanosecond) + ((ulong)frameBytes * 8 * 1_000_000_000 / _kilobitsPerSecond);
        }
    }
}
