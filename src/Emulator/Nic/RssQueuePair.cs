namespace Verbena.Emulator.Nic;

/// <summary>The receive queues that RSS chooses from.</summary>
public sealed class IndirectionTable
{
    internal IndirectionTable(IReadOnlyList<WorkQueue> queues) => Queues = queues;

    public IReadOnlyList<WorkQueue> Queues { get; }
}

/// <summary>Spreads the frames of its flows over an indirection table by a hash.</summary>
public sealed class RssQueuePair : FlowDestination
{
    internal RssQueuePair(NicContext context) : base(context)
    {
    }
}
