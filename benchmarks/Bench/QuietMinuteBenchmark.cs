using System.Diagnostics;
using Verbena.Driver;
using Verbena.Emulator;

namespace Verbena.Bench;

/// <summary>A minute of forwarding: what it allocates by itself, and what it loses while the rest of the process keeps the collector busy.</summary>
/// <remarks>
/// The second half offers a rate that leaves both cores time, so that a lost packet is one for which a thread was held up for
/// longer than the ring lasts: by the collector, or by whoever else has the machine.
/// </remarks>
internal static class QuietMinuteBenchmark
{
    private const int Rate = 200_000;           // packets a second
    private const int RingSize = 4096;            // lasts 20 ms at that rate
    private const int BytesPerMillisecond = 100_000; // 100 MB/s
    private const int ObjectBytes = 1000;

    public static void Run(TimeSpan duration)
    {
        Console.WriteLine($"Forwarding for {duration.TotalSeconds:F0} s:");
        Forward(duration, allocate: false);
        Forward(duration, allocate: true);
        Console.WriteLine();
    }

    private static void Forward(TimeSpan duration, bool allocate)
    {
        using EmulatedNics nics = NicPair.AttachRunning(Rate, out NicPair pair);
        using ForwardingPath path = new(pair, RdmaMode.Auto, RingSize);
        using (new WorkerThread(path.Router.Worker, core: null))
        {
            Thread.Sleep(TimeSpan.FromSeconds(1)); // the compiler has done its work
            (double offered, double lost) = (pair.Offered, pair.OutOfBuffer);
            (long bytes, int collections) = (GC.GetTotalAllocatedBytes(precise: true), GC.CollectionCount(0));
            long start = Stopwatch.GetTimestamp();
            byte[][] kept = new byte[4096][]; // some of the objects live for a while, as in a real process
            for (int next = 0; Stopwatch.GetElapsedTime(start) < duration;)
            {
                if (allocate)
                {
                    Allocate(kept, ref next, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds * BytesPerMillisecond / ObjectBytes);
                }

                Thread.Sleep(1);
            }

            bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
            Console.WriteLine($"  {(allocate ? "beside a thread that allocates 100 MB/s" : "alone"),-39}: {pair.Offered - offered:N0} packets offered, "
                + $"{pair.OutOfBuffer - lost:N0} lost; {bytes / 1e6:F3} MB allocated, {GC.CollectionCount(0) - collections} collections");
        }
    }

    private static void Allocate(byte[][] kept, ref int next, long until)
    {
        for (; next < until; next++)
        {
            kept[next % kept.Length] = new byte[ObjectBytes];
        }
    }
}
