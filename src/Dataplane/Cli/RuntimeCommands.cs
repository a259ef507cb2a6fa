using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>What each node costs (vlib/node_cli.c).</summary>
internal static class RuntimeCommands
{
    private const string BetweenThreads = "---------------\n";

    private static readonly double s_clocksPerNanosecond = ReadClockRate();

    public static void AddTo(CommandTable table, Router router, Func<long> now)
    {
        table.Add("show runtime", "[time] [verbose]", "Lists the nodes' calls, packets and cost, in clocks (ns at the rate of /proc/cpuinfo) or (time) in ns", words =>
        {
            bool time = words.TryKeyword("time");
            bool verbose = words.TryKeyword("verbose");
            return session => session.Output.Write(string.Join(
                BetweenThreads, router.ReadRuntime(now()).Select(worker => Format(worker, time ? 1 : s_clocksPerNanosecond, time, verbose))));
        });
        table.Add("clear runtime", "", "Starts counting for show runtime again", _ => _ => router.ClearRuntime(now()));
    }

    private static string Format(RuntimeSnapshot runtime, double unitsPerNanosecond, bool time, bool verbose)
    {
        double seconds = Math.Max(runtime.ElapsedNanoseconds, 1) / 1e9;
        string Rate(NodeKind kind) => Layout.Scientific(Vectors(runtime, kind) / seconds, 4);

        var text = new StringWriter();
        text.WriteLine(Title(runtime.Worker));
        text.WriteLine($"Time {Layout.Fixed(seconds, 1)}, {Layout.Fixed(seconds, 6)} sec internal node vector rate "
            + $"{Layout.Fixed(InternalVectorRate(runtime), 2)} loops/sec {Layout.Fixed(runtime.Loops / seconds, 2)}");
        text.WriteLine($"  vector rates in {Rate(NodeKind.Input)}, out {Rate(NodeKind.Output)}, drop {Rate(NodeKind.Drop)}, punt 0.0000e0");
        text.WriteLine("Name".Centre(30) + "State".Centre(12) + "Calls".Centre(16) + "Vectors".Centre(16) + "Suspends".Centre(16)
            + (time ? "Packet-Time" : "Packet-Clocks").Centre(16) + "Vectors/Call".Centre(16));
        foreach (NodeRuntime node in runtime.Nodes.Where(node => verbose || node.Calls > 0))
        {
            text.WriteLine(node.Name.PadRight(30) + (node.Kind == NodeKind.Input ? Layout.Word(runtime.Mode) : "active").Centre(12)
                + Layout.Whole(node.Calls).PadLeft(16) + Layout.Whole(node.Vectors).PadLeft(16) + "0".PadLeft(16)
                + Layout.Scientific(NanosecondsPerPacket(node) * unitsPerNanosecond, 2).PadLeft(16)
                + Layout.Fixed(Ratio(node.Vectors, node.Calls), 2).PadLeft(16));
        }

        return text.ToString();
    }

    private static string Title(Worker worker) => string.Create(
        CultureInfo.InvariantCulture, $"Thread {ThreadCommands.Id(worker)} {worker.Name}{(worker.Core is { } core ? $" (lcore {core})" : "")}");

    private static double Vectors(RuntimeSnapshot runtime, NodeKind kind) =>
        runtime.Nodes.Where(node => node.Kind == kind).Sum(node => (double)node.Vectors);

    private static double InternalVectorRate(RuntimeSnapshot runtime)
    {
        NodeRuntime[] nodes = [.. runtime.Nodes.Where(node => node.Kind != NodeKind.Input)];
        return Ratio(nodes.Sum(node => (double)node.Vectors), nodes.Sum(node => (double)node.Calls));
    }

    /// <summary>Cost of a packet, or of a call where there was none.</summary>
    private static double NanosecondsPerPacket(NodeRuntime node) =>
        Ratio(node.Nanoseconds, node.Vectors > 0 ? node.Vectors : node.Calls);

    private static double Ratio(double dividend, double divisor) => divisor == 0 ? 0 : dividend / divisor;

    /// <summary>The processor's rate in clocks per ns as the kernel tells it; .NET can't read the time-stamp counter.</summary>
    private static double ReadClockRate()
    {
        const string Field = "cpu MHz";
        try
        {
            string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
            return double.TryParse(line?.Split(':')[1], CultureInfo.InvariantCulture, out double megahertz) ? megahertz / 1000 : 1;
        }
        catch (IOException)
        {
            return 1;
        }
    }
}
