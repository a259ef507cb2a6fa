using System.Diagnostics;
using Verbena.Emulator;
using Verbena.Emulator.Nic;

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

    private NicDevice _receiver = null!;
    private NicDevice _sender = null!;

    public string Name => name;

    /// <summary>The name of the NIC that makes frames, as <see cref="NicOptions"/> has it.</summary>
    protected string Receiver { get; private set; } = "";

    /// <summary>The name of the NIC that swallows frames.</summary>
    protected string Sender { get; private set; } = "";

    /// <summary>Bytes of the garbage collector's heap that the program has taken in its turns.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>The NICs of side <paramref name="number"/>.</summary>
    public static IEnumerable<string> Nics(int number) =>
        [$"rx{number},wire=generator:size=64:flows=64:dst-mac=0200.0000.0001", $"tx{number},wire=sink"];

    /// <summary>Opens the NICs of side <paramref name="number"/>.</summary>
    public void Open(EmulatedNics nics, int number)
    {
        (Receiver, Sender) = ($"rx{number}", $"tx{number}");
        (_receiver, _sender) = (nics.Devices[Receiver], nics.Devices[Sender]);
        Open();
        _ = Measure(turns: 1, PacketsPerTurn); // code is loaded and found
        AllocatedBytes = 0;
    }

    /// <summary>Lets NICs and program take turns, and measures the program's.</summary>
    public ReplayTimes Measure(int turns, int batch)
    {
        (long receiving, long sending, long packets) = (0, 0, 0);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int turn = 0; turn < turns; turn++)
        {
            for (int step = 0; step < PacketsPerTurn / StepFrames; step++)
            {
                _receiver.Step();
            }

            long start = Stopwatch.GetTimestamp();
            int received = Receive(batch);
            long middle = Stopwatch.GetTimestamp();
            Send(received, batch);
            sending += Stopwatch.GetTimestamp() - middle;
            receiving += middle - start;
            packets += received;
            while (_sender.Step())
            {
            }
        }

        AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
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
