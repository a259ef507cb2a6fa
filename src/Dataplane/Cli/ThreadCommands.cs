using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>The threads that move packets (vlib/threads_cli.c).</summary>
internal static class ThreadCommands
{
    private static readonly string[] s_titles = ["ID", "Name", "LWP", "CPU", "Loops"];

    public static void AddTo(CommandTable table, Router router) =>
        table.Add("show threads", "", "Lists the workers, with Linux's number for their threads (LWP) and the processors they are pinned to", _ =>
            session => session.Output.Write(Format([s_titles, .. router.Workers.Select(Describe)])));

    /// <summary>The number of a worker's thread, as VPP counts: 0 is the control thread.</summary>
    public static int Id(Worker worker) => worker.Index + 1;

    private static string[] Describe(Worker worker) =>
    [
        Whole(Id(worker)), worker.Name, Whole(worker.ThreadId), worker.Core is { } core ? Whole(core) : "-", Layout.Whole(worker.Loops),
    ];

    private static string Whole(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Columns as wide as their widest cell.</summary>
    private static string Format(string[][] rows)
    {
        int[] widths = [.. Enumerable.Range(0, s_titles.Length).Select(column => rows.Max(row => row[column].Length))];
        return string.Concat(rows.Select(row => string.Join(' ', row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd() + "\n"));
    }
}
