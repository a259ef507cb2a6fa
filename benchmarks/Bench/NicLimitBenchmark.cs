using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;

namespace Verbena.Bench;

/// <summary>How many 64-byte frames the emulated NIC itself takes, and whether it or a program that does nothing else is the limit.</summary>
internal static class NicLimitBenchmark
{
    private const string Receiver = "limit0";
    private const string Sender = "limit1";
    private const int StepsPerTurn = 4; // the NIC takes 64 frames a step
    private const int TurnsPerSlice = 16;

    /// <summary>Short, so that on a busy machine there are some in which both threads have run all the time.</summary>
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(5);

    public static void Run(int seconds)
    {
        Console.WriteLine("The emulated NIC alone, 64-byte frames; the program only posts and polls, by libmlx5's verbs:");
        using EmulatedNics nics = EmulatedNics.Attach(
            [Nic($"{Receiver},wire=generator:size=64:flows=64:dst-mac=0200.0000.0001"), Nic($"{Sender},wire=sink")], NullLogger.Instance, stepped: true);
        using (ReceivingProgram program = new(Receiver, Rss4.Ipv4))
        {
            Measure("receive, generator to one queue", nics.Devices[Receiver], PortCounter.QueueReceived, program, seconds);
        }

        using (ReceivingProgram program = new(Receiver, Rss4.Ipv4Udp))
        {
            Measure("receive, where RSS tells each frame from the one before it", nics.Devices[Receiver], PortCounter.QueueReceived, program, seconds);
        }

        using (SendingProgram program = new(Sender))
        {
            Measure("send, one queue to sink", nics.Devices[Sender], PortCounter.WireSent, program, seconds);
        }

        Console.WriteLine();
    }

    private static NicOptions Nic(string text) =>
        NicOptions.TryParse(text, out NicOptions options, out string error) ? options : throw new InvalidOperationException(error);

    private static void Measure(string direction, NicDevice nic, PortCounter counter, QueueProgram program, int seconds)
    {
        Console.WriteLine($"  {direction}");
        MeasureInTurns(nic, counter, program, seconds);
        List<Slice> slices = [];
        for (long end = Deadline(TimeSpan.FromSeconds(seconds)); Stopwatch.GetTimestamp() < end;)
        {
            slices.Add(MeasureTogether(nic, counter, program));
        }

        foreach (IGrouping<string, Slice> placement in slices.GroupBy(slice => slice.Placement, StringComparer.Ordinal))
        {
            Print(placement.Key, [.. placement.OrderBy(slice => slice.MillionPerSecond)]);
        }
    }

    /// <summary>One thread, the fastest slice counts: what each side's instructions cost.</summary>
    private static void MeasureInTurns(NicDevice nic, PortCounter counter, QueueProgram program, int seconds)
    {
        (double bestNic, double bestProgram) = (double.MaxValue, double.MaxValue);
        for (long end = Deadline(TimeSpan.FromSeconds(seconds)); Stopwatch.GetTimestamp() < end;)
        {
            (long inNic, long inProgram) = (0, 0);
            double before = nic.Counters[counter];
            for (int turn = 0; turn < TurnsPerSlice; turn++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int step = 0; step < StepsPerTurn; step++)
                {
                    program.Turn();
                }

                long middle = Stopwatch.GetTimestamp();
                for (int step = 0; step < StepsPerTurn; step++)
                {
                    nic.Step();
                }

                inProgram += middle - start;
                inNic += Stopwatch.GetTimestamp() - middle;
            }

            double nanoseconds = 1e9 / Stopwatch.Frequency / (nic.Counters[counter] - before);
            bestNic = Math.Min(bestNic, inNic * nanoseconds);
            bestProgram = Math.Min(bestProgram, inProgram * nanoseconds);
        }

        Console.WriteLine($"    one thread, in turns: NIC {bestNic:F1} ns a frame, program {bestProgram:F1} ns; program / NIC {bestProgram / bestNic:F2}");
    }

    /// <summary>NIC and program each on a processor of its own, for a slice.</summary>
    private static Slice MeasureTogether(NicDevice nic, PortCounter counter, QueueProgram program)
    {
        string placement = CorePair.Placement();
        Snapshot before = default;
        Snapshot after = default;
        NicBeside.Run(nic.Step, program.Turn, idle =>
        {
            before = Snapshot.Take(nic, counter, idle());
            while (Stopwatch.GetTimestamp() - before.Time < s_slice.TotalSeconds * Stopwatch.Frequency)
            {
                program.Turn();
            }

            after = Snapshot.Take(nic, counter, idle());
        });
        return new Slice(
            placement == CorePair.Placement() ? placement : "moved meanwhile",
            (after.Frames - before.Frames) / (double)(after.Time - before.Time) * Stopwatch.Frequency / 1e6,
            (after.OutOfBuffer - before.OutOfBuffer) / Math.Max((double)(after.Offered - before.Offered), 1),
            (after.Idle - before.Idle) / (double)(after.Time - before.Time));
    }

    private static void Print(string placement, Slice[] slices)
    {
        Slice fastest = slices[^1];
        string limit = fastest.OutOfBuffer > 0.05 || fastest.Idle > 0.1 ? "the program" : "the NIC";
        Console.WriteLine($"    two threads, processors {placement}: {fastest.MillionPerSecond:F2} Mpps in the fastest of {slices.Length} slices "
            + $"(median {slices[slices.Length / 2].MillionPerSecond:F2}); out of buffer {fastest.OutOfBuffer:P1}, "
            + $"NIC without work {fastest.Idle:P1}: {limit} was the limit");
    }

    private static long Deadline(TimeSpan time) => Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>What two threads have done for a while.</summary>
    /// <param name="Placement">Of the two processors, the same before and after.</param>
    /// <param name="MillionPerSecond">Frames that were received or sent.</param>
    /// <param name="OutOfBuffer">The part of the offered frames for which there was no buffer.</param>
    /// <param name="Idle">The part of the time in which the NIC found no work.</param>
    private sealed record Slice(string Placement, double MillionPerSecond, double OutOfBuffer, double Idle);

    private readonly record struct Snapshot(long Time, ulong Frames, ulong Offered, ulong OutOfBuffer, long Idle)
    {
        public static Snapshot Take(NicDevice nic, PortCounter counter, long idle) => new(
            Stopwatch.GetTimestamp(), nic.Counters[counter],
            nic.Counters[PortCounter.WireReceived], nic.Counters[PortCounter.OutOfBuffer], idle);
    }
}
