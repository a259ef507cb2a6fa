namespace Verbena.Tests.Emulator.Nic;

/// <summary>A clock that the test moves.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _ticks = 1;

    public override long GetTimestamp() => _ticks;

    public override long TimestampFrequency => 1_000_000_000;

    public void Advance(TimeSpan by) => _ticks += (long)by.TotalNanoseconds;
}
