using System.Diagnostics;

namespace Verbena.Bench.Replay;

/// <summary>One of the programs that are compared: it receives from a NIC of its own, and sends what it got out of another.</summary>
internal abstract class ReplaySide(string name) : IDisposable
{
    /// <summary>Packets that wait in the rings before the program has its turn.</summary>
    public const int PacketsPerTurn = 256;

    /// <summary>Requests that each ring holds.</summary>
    protected const int QueueSize = 1024;

    /// <summary>Buffers that circulate.</summary>
    protected const int Buffers = 4096;

    private const int StepFrames = 64; // the NIC takes so many a step

    public string Name => name;

    protected NicPair Nics { get; private set; } = null!;

    /// <summary>Bytes of the garbage collector's heap that the program has taken in its turns.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Opens the NICs that the side is to use, and no other does.</summary>
    public void Open(NicPair nics)
    {
        Nics = nics;
        Open();
        _ = Measure(turns: 1, PacketsPerTurn); // code is loaded and found
        AllocatedBytes = 0;
    }

    /// <summary>Lets NICs and program take turns, and measures the program's.</summary>
    public ReplayTimes Measure(int turns, int batch)
    {
        (long receiving, long sending, long packets) = (0, 0, 0);
        for (int turn = 0; turn < turns; turn++)
        {
            for (int step = 0; step < PacketsPerTurn / StepFrames; step++)
            {
                Nics.Receiver.Step();
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            int received = Receive(batch);
            long middle = Stopwatch.GetTimestamp();
            Send(received, batch);
            sending += Stopwatch.GetTimestamp() - middle;
            receiving += middle - start;
            AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
            packets += received;
            while (Nics.Sender.Step())
            {
            }
        }

        double nanoseconds = 1e9 / Stopwatch.Frequency / packets;
        return new ReplayTimes(receiving * nanoseconds, sending * nanoseconds);
    }

    public abstract void Dispose();

    protected abstract void Open();

    /// <summary>Receives what there is, at most <see cref="PacketsPerTurn"/>, in calls for at most <paramref name="batch"/>, and refills the ring.</summary>
    protected abstract int Receive(int batch);

    /// <summary>Sends what was received, in calls for <paramref name="batch"/>, and takes back what was sent in the turn before.</summary>
    protected abstract void Send(int count, int batch);
}

/// <summary>Nanoseconds a packet.</summary>
internal readonly record struct ReplayTimes(double Receive, double Send)
{
    public double Both => Receive + Send;
}
