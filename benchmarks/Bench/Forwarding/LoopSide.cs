using System.Diagnostics;

namespace Verbena.Bench.Forwarding;

/// <summary>A loop of this process, with NICs of this process.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="nics">The NICs that it uses, and no other.</param>
/// <param name="loop">What it does.</param>
internal sealed class LoopSide(string name, NicPair nics, IForwardingLoop loop) : ForwardingSide(name)
{
    /// <summary>Bytes of the garbage collector's heap that the loop has taken.</summary>
    public long AllocatedBytes { get; private set; }

    public override ForwardingResult Measure(TimeSpan time)
    {
        ForwardingResult result = default;
        NicBeside.Run(nics.Step, () => loop.Turn(), idle => result = Count(time, idle));
        return result;
    }

    public override void Dispose() => loop.Dispose();

    private ForwardingResult Count(TimeSpan time, Func<long> idle)
    {
        loop.AttachThread();
        (double offered, double missed, double forwarded, long idleBefore) = (nics.Offered, nics.OutOfBuffer, nics.Forwarded, idle());
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        (long busy, long packets) = (0, 0);
        long start = Stopwatch.GetTimestamp();
        long end = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
        long last = start;
        while (last < end)
        {
            int count = loop.Turn();
            long now = Stopwatch.GetTimestamp();
            busy += count > 0 ? now - last : 0;
            packets += count;
            last = now;
        }

        AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
        double seconds = (last - start) / (double)Stopwatch.Frequency;
        return new ForwardingResult(
            (nics.Forwarded - forwarded) / seconds / 1e6,
            busy * (1e9 / Stopwatch.Frequency) / Math.Max(packets, 1),
            (nics.OutOfBuffer - missed) / Math.Max(nics.Offered - offered, 1),
            (idle() - idleBefore) / (double)(last - start));
    }
}

/// <summary>A program that forwards, in turns.</summary>
internal interface IForwardingLoop : IDisposable
{
    /// <summary>Says that the calling thread will take the turns.</summary>
    void AttachThread();

    /// <summary>Receives once, and sends what it got. Returns how many packets that were.</summary>
    int Turn();
}
