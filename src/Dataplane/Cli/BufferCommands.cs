using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Who has the packet buffers (vlib/buffer.c).</summary>
internal static class BufferCommands
{
    private static readonly (string Title, int Width)[] s_columns =
    [
        ("Index", 6), ("NUMA", 6), ("Size", 6), ("Data Size", 11), ("Total", 6), ("Avail", 8), ("Cached", 8), ("Used", 8), ("Reserved", 13),
    ];

    public static void AddTo(CommandTable table, Router router) =>
        table.Add("show buffers", "", "Says how many packet buffers are free, in workers' caches, in use, and reserved for receive queues", _ =>
            session => session.Output.Write(Row("Pool Name", [.. s_columns.Select(column => column.Title)]) + Describe(router.Buffers)));

    private static string Describe(BufferPool pool)
    {
        (int cached, int free) = (pool.CachedCount, pool.FreeCount); // workers go on meanwhile
        return Row("default", "0", "-", Whole(BufferPool.StrideBytes), Whole(BufferPool.DataBytes), Whole(pool.Count),
            Whole(Math.Max(free - cached, 0)), Whole(cached), Whole(pool.Count - free), $"{Whole(pool.ReservedCount)}/{Whole(pool.MaxReserved)}");
    }

    private static string Row(string name, params string[] cells) =>
        (name.PadRight(20) + string.Concat(cells.Zip(s_columns, (cell, column) => cell.Centre(column.Width)))).TrimEnd() + "\n";

    private static string Whole(int number) => Layout.Whole((ulong)number);
}
