namespace Verbena.Emulator.Nic;

/// <summary>The free-running clock of the device, in which completions are stamped: that of a ConnectX-5 Ex.</summary>
internal static class DeviceClock
{
    /// <summary>Its rate, as the device query says it. A tick is 12.8 ns.</summary>
    public const uint Kilohertz = 78_125;

    public static ulong Ticks(long nanoseconds) => (ulong)nanoseconds * 5 / 64;
}
