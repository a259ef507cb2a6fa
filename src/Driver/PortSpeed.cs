namespace Verbena.Driver;

/// <summary>The speed of a port, from the codes of the port query.</summary>
/// <remarks>
/// The codes are those of InfiniBand's PortInfo (linux/include/rdma/ib_verbs.h, ib_port_width and ib_port_speed). The lanes'
/// rates are what Ethernet calls them: EDR's 25.78125 Gb/s with coding are 25 Gb/s, so four of them are 100 Gb/s.
/// </remarks>
internal static class PortSpeed
{
    /// <summary>Bits per second, or 0 if a code is not known.</summary>
    /// <param name="width">active_width, a code for the number of lanes.</param>
    /// <param name="speed">active_speed or active_speed_ex, a code for the rate of a lane.</param>
    public static ulong BitsPerSecond(byte width, uint speed) => Lanes(width) * LaneMegabits(speed) * 1_000_000;

    private static ulong Lanes(byte width) => width switch
    {
        1 => 1,
        2 => 4,
        4 => 8,
        8 => 12,
        16 => 2,
        _ => 0,
    };

    private static ulong LaneMegabits(uint speed) => speed switch
    {
        1 => 2_500, // SDR
        2 => 5_000, // DDR
        4 => 10_000, // QDR
        8 => 10_000, // FDR10
        16 => 14_000, // FDR
        32 => 25_000, // EDR
        64 => 50_000, // HDR
        128 => 100_000, // NDR
        256 => 200_000, // XDR
        _ => 0,
    };
}
