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
        bool begun = false;
        bool over = false;
        long idle = 0;
        ForwardingResult result = default;
        CorePair.Run(
            () =>
            {
                for (long last = Stopwatch.GetTimestamp(); !Volatile.Read(ref over);)
                {
                    bool busy = nics.Step();
                    long now = Stopwatch.GetTimestamp();
                    Volatile.Write(ref idle, busy ? idle : idle + now - last);
                    Volatile.Write(ref begun, true);
                    last = now;
                }
            },
            () =>
            {
                while (!Volatile.Read(ref begun))
                {
                    loop.Turn();
                }

                result = Count(time, ref idle);
                Volatile.Write(ref over, true);
            });
        return result;
    }

    public override void Dispose() => loop.Dispose();

    private ForwardingResult Count(TimeSpan time, ref long idle)
    {
        (double offered, double missed, double forwarded, long idleBefore) = (nics.Offered, nics.OutOfBuffer, nics.Forwarded, Volatile.Read(ref idle));
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
            (Volatile.Read(ref idle) - idleBefore) / (double)(last - start));
    }
}

/// <summary>A program that forwards, in turns.</summary>
internal interface IForwardingLoop : IDisposable
{
    /// <summary>Receives once, and sends what it got. Returns how many packets that were.</summary>
    int Turn();
}
