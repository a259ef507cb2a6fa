using System.Diagnostics;
using System.Globalization;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;

namespace Verbena.Bench;

/// <summary>A minute of forwarding: what it allocates by itself, and what it loses while the rest of the process keeps the collector busy.</summary>
/// <remarks>
/// The rate leaves both cores time, so that a lost packet is one for which a thread was held up for longer than the ring
/// lasts: by the collector, or by whoever else has the machine. Which of them it was tell the third thread that does the same
/// work without garbage, the collector's longest pause, and for how long the worker could have run but had no processor.
/// </remarks>
internal static class QuietMinuteBenchmark
{
    private const int Rate = 200_000;           // packets a second
    private const int RingSize = 4096;            // lasts 20 ms at that rate
    private const int BytesPerMillisecond = 100_000; // 100 MB/s
    private const int ObjectBytes = 1000;
    private const int ObjectsAtOnce = 4096; // some of the objects live for a while, as in a real process

    public static void Run(TimeSpan duration)
    {
        Console.WriteLine($"Forwarding for {duration.TotalSeconds:F0} s, {Rate:N0} packets a second, a ring of {RingSize}:");
        Forward("alone", duration, _ => { });
        byte[][] cleared = [.. Enumerable.Range(0, ObjectsAtOnce).Select(_ => new byte[ObjectBytes])];
        Forward("beside a thread that clears 100 MB/s", duration, item => Array.Clear(cleared[item % ObjectsAtOnce]));
        byte[][] kept = new byte[ObjectsAtOnce][];
        Forward("beside a thread that allocates 100 MB/s", duration, item => kept[item % ObjectsAtOnce] = new byte[ObjectBytes]);
        Console.WriteLine();
    }

    private static void Forward(string title, TimeSpan duration, Action<long> neighbour)
    {
        using EmulatedNics nics = NicPair.AttachRunning(Rate, out NicPair pair);
        using ForwardingPath path = new(pair, RdmaMode.Auto, RingSize);
        Worker worker = path.Router.Workers[0];
        using (new WorkerThread(worker, core: null))
        {
            Thread.Sleep(TimeSpan.FromSeconds(1)); // the compiler has done its work
            (double offered, double lost) = (pair.Offered, pair.OutOfBuffer);
            TimeSpan waited = WorkerWaited(worker);
            (long bytes, int collections) = (GC.GetTotalAllocatedBytes(precise: true), GC.CollectionCount(0));
            List<double> pauses = RunBeside(duration, neighbour);
            bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
            waited = WorkerWaited(worker) - waited;
            string pauseTimes = pauses is [] ? "" : $" (pauses: median {pauses[pauses.Count / 2]:F1} ms, longest {pauses[^1]:F1} ms)";
            Console.WriteLine($"  {title,-39}: {pair.Offered - offered:N0} packets offered, {pair.OutOfBuffer - lost:N0} lost; "
                + $"{bytes / 1e6:F3} MB allocated, {GC.CollectionCount(0) - collections} collections{pauseTimes}; "
                + $"the worker waited {waited / duration:P0} of the time for a processor");
        }
    }

    /// <summary>Gives the neighbour its work for a while, each millisecond a part. Returns the collector's pauses in milliseconds, sorted.</summary>
    private static List<double> RunBeside(TimeSpan duration, Action<long> neighbour)
    {
        List<double> pauses = new(capacity: 4096);
        long start = Stopwatch.GetTimestamp();
        TimeSpan paused = GC.GetTotalPauseDuration();
        long next = 0;
        for (TimeSpan elapsed; (elapsed = Stopwatch.GetElapsedTime(start)) < duration; Thread.Sleep(1))
        {
            for (long until = (long)elapsed.TotalMilliseconds * BytesPerMillisecond / ObjectBytes; next < until; next++)
            {
                neighbour(next);
            }

            TimeSpan now = GC.GetTotalPauseDuration();
            if (now != paused)
            {
                pauses.Add((now - paused).TotalMilliseconds); // there is a collection each half second or so
                paused = now;
            }
        }

        pauses.Sort();
        return pauses;
    }

    /// <summary>How long the worker was ready to run and others had the processors, as the kernel counts it (Documentation/scheduler/sched-stats.rst).</summary>
    private static TimeSpan WorkerWaited(Worker worker)
    {
        string schedstat = File.ReadAllText($"/proc/self/task/{worker.ThreadId}/schedstat");
        return TimeSpan.FromMicroseconds(long.Parse(schedstat.Split(' ')[1], CultureInfo.InvariantCulture) / 1e3);
    }
}
