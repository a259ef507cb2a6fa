using System.Globalization;

namespace Verbena.Emulator.Uverbs;

/// <summary>How the port query says a speed: lanes, and what each carries (IBTA 14.2.5.6; Linux, enum ib_port_speed).</summary>
internal static class PortSpeed
{
    private const byte OneLane = 1;
    private const byte FourLanes = 2;
    private const byte EightLanes = 4;

    private const byte Single = 1;    // 2.5 Gb/s a lane
    private const byte Quad = 4;      // 10
    private const byte Enhanced = 32; // 25
    private const byte High = 64;     // 50
    private const byte Next = 128;    // 100

    /// <summary>active_width and active_speed as the mlx5 driver gives them for an Ethernet speed.</summary>
    /// <remarks>Linux, drivers/infiniband/hw/mlx5/main.c, translate_eth_proto_oper and translate_eth_ext_proto_oper.</remarks>
    public static (byte Width, byte Speed) Codes(int gbps) => gbps switch
    {
        <= 1 => (OneLane, Single),
        10 => (OneLane, Quad),
        25 => (OneLane, Enhanced),
        40 => (FourLanes, Quad),
        50 => (OneLane, High),
        100 => (FourLanes, Enhanced),
        200 => (FourLanes, High),
        400 => (FourLanes, Next),
        800 => (EightLanes, Next),
        _ => throw new ArgumentOutOfRangeException(nameof(gbps), gbps, "no speed of Ethernet that has a code"),
    };

    /// <summary>The same as sysfs says it: <c>100 Gb/sec (4X EDR)</c>.</summary>
    /// <remarks>Linux, drivers/infiniband/core/sysfs.c, rate_show.</remarks>
    public static string Text(int gbps)
    {
        (byte width, byte speed) = Codes(gbps);
        int lanes = width switch { OneLane => 1, FourLanes => 4, _ => 8 };
        (double perLane, string name) = speed switch
        {
            Quad => (10, " QDR"),
            Enhanced => (25, " EDR"),
            High => (50, " HDR"),
            Next => (100, " NDR"),
            _ => (2.5, ""),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{lanes * perLane} Gb/sec ({lanes}X{name})");
    }
}
