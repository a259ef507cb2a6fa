using System.Diagnostics;
using System.Globalization;
using Verbena.Driver;
using Verbena.Emulator;

namespace Verbena.Bench.Replay;

/// <summary>What one packet costs a driver that finds its rings full: its instructions, without a second core.</summary>
/// <remarks>
/// The sides take turns, slice by slice, so that the machine's moods meet all alike; of each the fastest slice counts. Two
/// sides are the same program: how far they are apart is what the figures are worth.
/// </remarks>
internal static class RingReplayBenchmark
{
    private const int TurnsPerSlice = 8;

    private static readonly int[] s_batches = [1, 4, 8, 32, 64, 256];

    public static void Run(int seconds)
    {
        ReplaySide[] sides =
        [
            new DriverSide("dv", options => options with { Mode = RdmaMode.Dv, NoMultiSeg = true, CqeCompression = CqeCompression.None }),
            new DriverSide("dv, compressed", options => options with { Mode = RdmaMode.Dv, NoMultiSeg = true }),
            new DriverSide("dv, striding", options => options with { Mode = RdmaMode.Dv, CqeCompression = CqeCompression.None }),
            new DriverSide("dv, striding, compressed", options => options with { Mode = RdmaMode.Dv }),
            new DriverSide("ibv", options => options with { Mode = RdmaMode.Ibv }),
            new CProgramSide("libmlx5 in C"),
            new CProgramSide("libmlx5 in C, again"),
        ];
        using EmulatedNics nics = NicPair.Attach(sides.Length, out NicPair[] pairs);
        try
        {
            for (int i = 0; i < sides.Length; i++)
            {
                sides[i].Open(pairs[i]);
            }

            Print(sides, Measure(sides, seconds));
        }
        finally
        {
            Array.ForEach(sides, side => side.Dispose());
        }
    }

    /// <summary>The fastest slice of each side at each batch.</summary>
    private static ReplayTimes[,] Measure(ReplaySide[] sides, int seconds)
    {
        var best = new ReplayTimes[sides.Length, s_batches.Length];
        for (long end = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency); Stopwatch.GetTimestamp() < end;)
        {
            for (int batch = 0; batch < s_batches.Length; batch++)
            {
                for (int side = 0; side < sides.Length; side++)
                {
                    ReplayTimes times = sides[side].Measure(TurnsPerSlice, s_batches[batch]);
                    ref ReplayTimes fastest = ref best[side, batch];
                    fastest = fastest.Both == 0 || times.Both < fastest.Both ? times : fastest;
                }
            }
        }

        return best;
    }

    private static void Print(ReplaySide[] sides, ReplayTimes[,] times)
    {
        Console.WriteLine("Ring replay, one thread, NIC and driver in turns: ns a packet, receive + send, by packets in a call; the fastest slice:");
        PrintRow("", batch => string.Create(CultureInfo.InvariantCulture, $"{s_batches[batch]}"));
        for (int side = 0; side < sides.Length; side++)
        {
            int row = side;
            PrintRow(sides[side].Name, batch => $"{times[row, batch].Receive:F1} + {times[row, batch].Send:F1}");
        }

        int reference = sides.Length - 1;
        Console.WriteLine($"  as ratios to '{sides[reference].Name}'; the same program above it must show 1.00, give or take a few hundredths:");
        for (int side = 0; side < reference; side++)
        {
            int row = side;
            PrintRow(sides[side].Name, batch => $"{times[row, batch].Both / times[reference, batch].Both:F2}");
        }

        Console.WriteLine($"  bytes that the sides allocated: {string.Join(", ", sides.Select(side => side.AllocatedBytes))}");
        Console.WriteLine();
    }

    private static void PrintRow(string title, Func<int, string> cell) =>
        Console.WriteLine($"  {title,-25}" + string.Concat(s_batches.Select((_, batch) => $"{cell(batch),15}")));
}
