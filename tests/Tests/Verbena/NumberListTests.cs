namespace Verbena.Tests.Verbena;

public sealed class NumberListTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("0,2-5,7", "0 2 3 4 5 7")]
    [InlineData("3,1", "3 1")]
    public void Numbers_and_ranges_are_read_in_their_order(string text, string numbers)
    {
        Assert.True(NumberList.TryParse(text, longestRange: 8, out int[]? list));
        Assert.Equal(numbers, string.Join(' ', list));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1,")]
    [InlineData("5-3")]
    [InlineData("1-2-3")]
    [InlineData("-1")]
    [InlineData("0-8")]
    [InlineData("0-4294967295")]
    public void What_is_no_list_or_too_long_is_refused(string text) => Assert.False(NumberList.TryParse(text, longestRange: 8, out _));
}
