namespace Verbena.Emulator.Nic;

/// <summary>Stands for one opening of the device by a program. Queues and flows belong to one.</summary>
/// <remarks>It decides about loopback: a frame that a context sends is offered to the flows of the others, never to its own.</remarks>
public sealed class NicContext
{
    private static uint s_last;

    /// <summary>Tells contexts of one process apart.</summary>
    internal uint Number { get; } = Interlocked.Increment(ref s_last);
}
