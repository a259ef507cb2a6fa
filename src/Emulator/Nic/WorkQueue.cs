namespace Verbena.Emulator.Nic;

/// <summary>A receive queue that is no part of a queue pair.</summary>
public sealed class WorkQueue
{
    public uint Number { get; internal set; }

    public QueueState State { get; internal set; }
}
