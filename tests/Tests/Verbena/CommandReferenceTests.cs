using Verbena.Commands;

namespace Verbena.Tests.Verbena;

public sealed class CommandReferenceTests
{
    [Fact]
    public void The_manual_is_what_the_command_table_says()
    {
        string path = Path.Combine(Repository.Root, "docs", "cli.md");
        Assert.True(string.Equals(CommandReference.Write(), File.ReadAllText(path), StringComparison.Ordinal),
            "docs/cli.md is out of date; make it anew: ./verbena docs > docs/cli.md");
    }
}
