namespace Verbena.Dataplane;

/// <summary>How a worker learns that packets have arrived in a receive queue.</summary>
public enum RxMode
{
    /// <summary>It looks again and again.</summary>
    Polling,

    /// <summary>The NIC tells it; until then it sleeps, if all its queues are like that.</summary>
    Interrupt,

    /// <summary>It looks again and again while packets come, and sleeps when none has come for a while.</summary>
    Adaptive,
}
