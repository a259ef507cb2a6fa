namespace Verbena.Emulator.Nic;

/// <summary>What flows lead to.</summary>
public abstract class FlowDestination
{
    private protected FlowDestination(NicContext context) => Context = context;

    public NicContext Context { get; }

    /// <summary>False for a queue pair that only sends.</summary>
    internal abstract bool Receives { get; }

    /// <summary>Takes a copy of the frame, and counts what became of it.</summary>
    internal abstract void Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, uint tag, ulong timestamp);
}
