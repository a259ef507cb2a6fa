namespace Verbena.Emulator.Nic;

/// <summary>A raw-packet queue pair: a send queue, a receive queue, or both.</summary>
public sealed class QueuePair : FlowDestination
{
    internal QueuePair(NicContext context) : base(context)
    {
    }

    /// <summary>The qpn that WQEs and doorbells carry, 24 bits.</summary>
    public uint Number { get; internal set; }

    public QueuePairState State { get; internal set; }
}
