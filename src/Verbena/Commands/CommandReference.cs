using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Packets;

namespace Verbena.Commands;

/// <summary>docs/cli.md, made from the command table: <c>verbena docs > docs/cli.md</c>.</summary>
internal static class CommandReference
{
    public static string Write()
    {
        using var buffers = new BufferPool(1);
        using var router = new Router(buffers);
        using var log = new LogRing(TimeProvider.System);
        var table = new CommandTable(NullLogger.Instance);
        using var rdma = new RdmaCommands(router, new MacAddressPolicy(), new Random(0), NullLogger.Instance);
        DataPlane.AddCommands(table, router, rdma, log);
        new EmulatedNicCommands(nics: null).AddTo(table);
        return Write(table);
    }

    private static string Write(CommandTable table)
    {
        var text = new StringWriter();
        text.WriteLine("""
            # Commands

            Words may be shortened to any unambiguous prefix (`sh int` is `show interface`); arguments are typed in full.
            `?` lists what may come next, Tab completes. `verbena docs` makes this file, and a test compares the two.

            | command | what it does |
            | --- | --- |
            """);
        foreach (Command command in table.Commands)
        {
            text.WriteLine($"| `{command.Usage.Replace("|", "\\|", StringComparison.Ordinal)}` | {command.Summary} |");
        }

        return text.ToString();
    }
}
