namespace Verbena.Emulator.Nic;

/// <summary>The free-running clock of the device, in which completions are stamped: that of a ConnectX-5 Ex.</summary>
internal static class DeviceClock
{
    /// <summary>Its rate, as the device query says it. A tick is 12.8 ns, or 64/5.</summary>
    public const uint Kilohertz = 78_125;

    public static ulong Ticks(long nanoseconds) => (ulong)nanoseconds * 5 / 64;

    /// <summary>When the clock came to a count, less the fraction of a nanosecond.</summary>
    public static long Nanoseconds(ulong ticks) => (long)(ticks * 64 / 5);
}
