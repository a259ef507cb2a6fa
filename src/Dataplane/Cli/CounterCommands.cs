using Verbena.Dataplane.Graph;

namespace Verbena.Dataplane.Cli;

/// <summary>What the nodes count, drops with their reasons above all (vlib/error.c).</summary>
internal static class CounterCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("show errors", "", "Lists why packets were dropped, and what else nodes count", _ =>
            session => session.Output.Write(Format(router.Errors)));
        table.Add("clear errors", "", "Zeroes the counters of show errors", _ => _ => router.ClearErrors());
    }

    private static string Format(IEnumerable<ErrorCount> errors) =>
        "Count".Centre(10) + "Node".Centre(35) + "Reason".Centre(35) + "Severity".Centre(10) + "\n"
        + string.Concat(errors.Select(item =>
            Layout.Whole(item.Count).PadLeft(10)
            + item.Node.Centre(35)
            + Reasons.Text(item.Reason).Centre(35)
            + (Reasons.Severity(item.Reason) == Severity.Info ? "info" : "error").Centre(10) + "\n"));
}
