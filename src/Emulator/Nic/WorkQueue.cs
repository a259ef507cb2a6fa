namespace Verbena.Emulator.Nic;

/// <summary>A receive queue that is no part of a queue pair.</summary>
public sealed class WorkQueue
{
    internal WorkQueue(uint number, ReceiveQueue receive)
    {
        Number = number;
        Receive = receive;
    }

    public uint Number { get; }

    public QueueState State => Receive.State;

    internal ReceiveQueue Receive { get; }
}
