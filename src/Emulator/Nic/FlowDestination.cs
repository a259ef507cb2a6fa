namespace Verbena.Emulator.Nic;

/// <summary>Frames that come back to the context that sent them (MLX5DV_QP_CREATE_TIR_ALLOW_SELF_LOOPBACK_*).</summary>
[Flags]
public enum SelfLoopback
{
    None = 0,
    Unicast = 1,
    Multicast = 2,
}

/// <summary>What flows lead to.</summary>
public abstract class FlowDestination
{
    private protected FlowDestination(NicContext context) => Context = context;

    public NicContext Context { get; }

    /// <summary>Which frames that its own context has sent come back to it. By default none.</summary>
    public SelfLoopback SelfLoopback { get; private protected init; }

    /// <summary>False for a queue pair that only sends.</summary>
    internal abstract bool Receives { get; }

    /// <summary>False for a frame that the queue pair's own context has sent, and that does not come back to it.</summary>
    internal bool Accepts(NicContext? sender, bool isMulticast) =>
        sender != Context || (SelfLoopback & (isMulticast ? SelfLoopback.Multicast : SelfLoopback.Unicast)) != SelfLoopback.None;

    /// <summary>Takes a copy of the frame, and counts what became of it.</summary>
    internal abstract void Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag, ulong timestamp);
}
