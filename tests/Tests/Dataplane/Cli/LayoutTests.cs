using Verbena.Dataplane.Cli;

namespace Verbena.Tests.Dataplane.Cli;

public sealed class LayoutTests
{
    [Theory]
    [InlineData("Name", 8, "  Name  ")]
    [InlineData("Idx", 6, "  Idx ")]      // the odd blank goes left
    [InlineData("too long", 4, "too long")]
    public void Text_is_centred_as_VPP_does(string text, int width, string expected) => Assert.Equal(expected, text.Centre(width));

    [Theory]
    [InlineData(.0423, 4, ".0423")]
    [InlineData(0, 2, "0.00")]
    [InlineData(61.346, 2, "61.35")]
    public void A_fixed_number_has_no_zero_before_the_point(double number, int decimals, string expected) =>
        Assert.Equal(expected, Layout.Fixed(number, decimals));

    [Theory]
    [InlineData(11.7, 2, "1.17e1")]
    [InlineData(.005, 2, "5.00e-3")]
    [InlineData(0, 4, "0.0000e0")]
    [InlineData(11_962_000, 4, "1.1962e7")]
    public void A_scientific_number_has_the_shortest_exponent(double number, int decimals, string expected) =>
        Assert.Equal(expected, Layout.Scientific(number, decimals));
}
