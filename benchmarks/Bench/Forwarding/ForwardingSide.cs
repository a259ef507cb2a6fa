namespace Verbena.Bench.Forwarding;

/// <summary>One of the programs that are compared at forwarding. It runs only while it is measured.</summary>
internal abstract class ForwardingSide(string name) : IDisposable
{
    public string Name => name;

    /// <summary>Lets program and NIC run for a while, each on a processor of its own.</summary>
    public abstract ForwardingResult Measure(TimeSpan time);

    public abstract void Dispose();
}

/// <summary>What a program did in a slice.</summary>
/// <param name="MillionPerSecond">Frames that it forwarded.</param>
/// <param name="BusyNanoseconds">Time of a packet in those turns of its loop that found some.</param>
/// <param name="Missed">The part of the offered frames for which it had no buffer ready; NaN if that is not known.</param>
/// <param name="NicIdle">The part of the time in which the NIC had nothing to do; NaN if that is not known.</param>
internal readonly record struct ForwardingResult(double MillionPerSecond, double BusyNanoseconds, double Missed, double NicIdle)
{
    /// <summary>The part of the time in which the program had packets. If it is small, the NIC was the limit, and the rate says nothing about the program.</summary>
    public double Busy => MillionPerSecond * BusyNanoseconds / 1e3;
}
