using Verbena.Driver;

namespace Verbena.Tests.Driver;

public sealed class PortSpeedTests
{
    [Theory]
    [InlineData(1, 4, 10)]     // 10 GbE
    [InlineData(1, 32, 25)]    // 25 GbE
    [InlineData(2, 4, 40)]     // 40 GbE
    [InlineData(1, 64, 50)]    // 50 GbE, one lane
    [InlineData(16, 32, 50)]   // 50 GbE, two lanes
    [InlineData(2, 32, 100)]   // 100 GbE
    [InlineData(16, 64, 100)]  // 100 GbE, two lanes
    [InlineData(1, 128, 100)]  // 100 GbE, one lane
    [InlineData(2, 64, 200)]   // 200 GbE
    [InlineData(2, 128, 400)]  // 400 GbE
    [InlineData(4, 64, 400)]   // 400 GbE, eight lanes
    [InlineData(4, 128, 800)]  // 800 GbE, eight lanes
    [InlineData(2, 256, 800)]  // 800 GbE
    [InlineData(8, 4, 120)]
    public void A_port_has_the_speed_that_its_standard_is_named_after(byte width, uint speed, ulong gigabits) =>
        Assert.Equal(gigabits * 1_000_000_000, PortSpeed.BitsPerSecond(width, speed));

    [Theory]
    [InlineData(1, 1, 2_500)]
    [InlineData(1, 2, 5_000)]
    [InlineData(2, 8, 40_000)]
    [InlineData(2, 16, 56_000)]
    public void Old_lanes_have_the_rates_of_InfiniBand(byte width, uint speed, ulong megabits) =>
        Assert.Equal(megabits * 1_000_000, PortSpeed.BitsPerSecond(width, speed));

    [Theory]
    [InlineData(0, 32)]
    [InlineData(3, 32)]
    [InlineData(2, 0)]
    [InlineData(2, 512)]
    public void An_unknown_code_is_an_unknown_speed(byte width, uint speed) => Assert.Equal(0UL, PortSpeed.BitsPerSecond(width, speed));
}
