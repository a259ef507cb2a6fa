using System.Diagnostics;
using Verbena.Driver;
using Verbena.Emulator;

namespace Verbena.Bench.Forwarding;

/// <summary>Whole forwarders beside each other, the NIC in the loop: one processor is the program's, the other the NIC's.</summary>
/// <remarks>
/// A hypervisor moves the processors of a virtual machine, and what a cache line takes from one to the other then changes six
/// times. So the sides are measured one after the other in short slices, and compared only where the placement was the same.
/// </remarks>
internal static class ForwardingBenchmark
{
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(10);

    public static void Run(int seconds)
    {
        using EmulatedNics nics = NicPair.Attach(5, out NicPair[] pairs);
        List<ForwardingSide> sides = [];
        try
        {
            sides.Add(new TestpmdSide("testpmd, io", 0, ""));
            sides.Add(new TestpmdSide("testpmd, io, again", 2, ""));
            sides.Add(new TestpmdSide("testpmd, io, inlining", 4, ",txqs_min_inline=0"));
            sides.Add(new LoopSide("dv striding, io", pairs[0], new IoLoop(pairs[0], options => options with { Mode = RdmaMode.Dv })));
            sides.Add(new LoopSide("dv, io", pairs[1], new IoLoop(pairs[1], options => options with { Mode = RdmaMode.Dv, NoMultiSeg = true })));
            sides.Add(new LoopSide("ibv, io", pairs[2], new IoLoop(pairs[2], options => options with { Mode = RdmaMode.Ibv })));
            sides.Add(new LoopSide("dv, IPv4 graph", pairs[3], new GraphLoop(pairs[3], RdmaMode.Dv)));
            sides.Add(new LoopSide("ibv, IPv4 graph", pairs[4], new GraphLoop(pairs[4], RdmaMode.Ibv)));
            sides.ForEach(side => side.Measure(s_slice)); // the compiler, the caches and the branch predictors settle
            List<Slice> slices = [];
            for (long end = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency); Stopwatch.GetTimestamp() < end;)
            {
                slices.AddRange(sides.Select(Measure));
            }

            Print(sides, slices);
        }
        finally
        {
            sides.ForEach(side => side.Dispose());
        }
    }

    private static Slice Measure(ForwardingSide side)
    {
        string placement = CorePair.Placement();
        ForwardingResult result = side.Measure(s_slice);
        return new Slice(side, placement == CorePair.Placement() ? placement : "moved meanwhile", result);
    }

    private static void Print(List<ForwardingSide> sides, List<Slice> slices)
    {
        Console.WriteLine("Forwarding from one NIC to another, NIC and program on a processor each, in the fastest slice and in the median one.");
        Console.WriteLine("  'busy ns' is the time of a packet in turns of the program's loop that found some, cache lines from the NIC's processor included;");
        Console.WriteLine("  a program that is busy for a small part of the time waits for the NIC, or for a processor that others have.");
        Console.WriteLine("  Ratios are to testpmd; those of its twin must be 1.00, give or take a few hundredths, or the machine was too busy.");
        foreach (IGrouping<string, Slice> placement in slices.Where(slice => slice.Placement is "near" or "far").GroupBy(slice => slice.Placement, StringComparer.Ordinal))
        {
            Console.WriteLine($"  processors {placement.Key,-18}{"Mpps",7}{"ratio",7}{"median",8}{"busy ns",9}{"ratio",7}{"median",8}{"busy",6}{"missed",8}{"NIC idle",10}{"slices",8}  limit");
            Row? reference = Row.Of(sides[0], placement);
            foreach (Row row in sides.Select(side => Row.Of(side, placement)).OfType<Row>())
            {
                Console.WriteLine($"    {row.Side.Name,-25}{row.Fastest.MillionPerSecond,7:F2}{row.Fastest.MillionPerSecond / reference?.Fastest.MillionPerSecond,7:F2}"
                    + $"{row.MedianRate,8:F2}{row.LeastBusy,9:F1}{row.LeastBusy / reference?.LeastBusy,7:F2}{row.MedianBusy,8:F1}"
                    + $"{Percent(row.Fastest.Busy),6}{Percent(row.Fastest.Missed),8}{Percent(row.Fastest.NicIdle),10}{row.Slices,8}  {Limit(row.Fastest)}");
            }
        }

        Console.WriteLine($"  bytes that our loops allocated: {string.Join(", ", sides.OfType<LoopSide>().Select(side => side.AllocatedBytes))}");
        Console.WriteLine();
    }

    private static string Limit(ForwardingResult result) =>
        result.Busy > 0.9 ? "the program" : result.Missed > 0.05 ? "others had the processor" : "the NIC";

    private static string Percent(double part) => double.IsNaN(part) ? "" : $"{part:P0}";

    /// <summary>What a side did in all slices of one placement.</summary>
    private sealed record Row(
        ForwardingSide Side, int Slices, ForwardingResult Fastest, double MedianRate, double LeastBusy, double MedianBusy)
    {
        public static Row? Of(ForwardingSide side, IEnumerable<Slice> slices)
        {
            ForwardingResult[] byRate = [.. slices.Where(slice => slice.Side == side).Select(slice => slice.Result).OrderBy(result => result.MillionPerSecond)];
            double[] busy = [.. byRate.Select(result => result.BusyNanoseconds).Order()];
            int middle = byRate.Length / 2;
            return byRate.Length == 0 ? null : new Row(side, byRate.Length, byRate[^1], byRate[middle].MillionPerSecond, busy[0], busy[middle]);
        }
    }

    private readonly record struct Slice(ForwardingSide Side, string Placement, ForwardingResult Result);
}
