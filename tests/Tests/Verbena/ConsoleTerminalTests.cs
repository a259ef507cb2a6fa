using Verbena.Terminal;

namespace Verbena.Tests.Verbena;

public sealed class ConsoleTerminalTests
{
    [Theory]
    [InlineData(0, 80)] // a serial line, or a container's terminal before anybody has told its size
    [InlineData(-1, 80)]
    [InlineData(5, 20)]
    [InlineData(132, 132)]
    public void A_terminal_that_does_not_know_its_size_has_the_usual_one(int reported, int columns) =>
        Assert.Equal(columns, ConsoleTerminal.Size(reported, least: 20, usual: 80));
}
