using System.Diagnostics;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;

namespace Verbena.Bench;

/// <summary>One thread that lets the NIC and the worker take turns: what the worker's instructions cost, without the second core.</summary>
/// <remarks>
/// Slices of a millisecond, of which the fastest counts: it is the one in which nobody else had the core, so the figure
/// repeats within a few percent on a busy machine. Cache lines do not move between cores here; on two cores they add to it.
/// </remarks>
internal static class SteppedBenchmark
{
    private const int TurnsPerSlice = 16;
    private const int StepsPerTurn = 4; // the NIC takes 64 frames a step, the worker 256 a turn

    public static void Run(int seconds)
    {
        using EmulatedNics emulated = NicPair.Attach(1, out NicPair[] pairs);
        NicPair nics = pairs[0];
        using ForwardingPath path = new(nics, RdmaMode.Auto);
        path.Router.Workers[0].AttachThread(threadId: 0, core: null);
        Slice? best = null;
        double nic = double.MaxValue;
        double forwarded = nics.Forwarded;
        long allocated = 0;
        long end = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency);
        while (Stopwatch.GetTimestamp() < end)
        {
            Slice slice = Measure(nics, path, ref allocated);
            best = best is null || slice.WorkerNanoseconds < best.WorkerNanoseconds ? slice : best;
            nic = Math.Min(nic, slice.NicNanoseconds);
        }

        Console.WriteLine("IPv4 forwarding, one thread, NIC and worker in turns, the fastest slice:");
        Console.WriteLine($"  worker {best!.WorkerNanoseconds:F1} ns a packet, NIC {nic:F1} ns a packet; "
            + $"the worker allocated {allocated} bytes for {nics.Forwarded - forwarded:N0} packets");
        NodeTable.Print(best.Runtime);
        Console.WriteLine();
    }

    private static Slice Measure(NicPair nics, ForwardingPath path, ref long allocated)
    {
        path.Router.ClearRuntime(WorkerThread.Now());
        double before = nics.Forwarded;
        (long worker, long nic) = (0, 0);
        for (int turn = 0; turn < TurnsPerSlice; turn++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int step = 0; step < StepsPerTurn; step++)
            {
                nics.Step();
            }

            long middle = Stopwatch.GetTimestamp();
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            path.Router.Workers[0].RunOnce(middle);
            allocated += GC.GetAllocatedBytesForCurrentThread() - bytes;
            worker += Stopwatch.GetTimestamp() - middle;
            nic += middle - start;
        }

        double forwarded = nics.Forwarded - before;
        return new Slice(worker / forwarded, nic / forwarded, path.Router.ReadRuntime(WorkerThread.Now())[0]);
    }

    private sealed record Slice(double WorkerNanoseconds, double NicNanoseconds, RuntimeSnapshot Runtime);
}
