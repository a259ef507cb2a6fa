namespace Verbena.Emulator.Nic;

/// <summary>States of a queue pair (IBV_QPS_*).</summary>
/// <remarks>
/// Reset → Init: the receive queue is ready. ReadyToReceive → ReadyToSend: the send queue is ready.
/// Any → Error: everything posted is flushed. Any → Reset: indices are 0, nothing is remembered.
/// </remarks>
public enum QueuePairState
{
    Reset = 0,
    Init = 1,
    ReadyToReceive = 2,
    ReadyToSend = 3,
    Error = 6,
}

/// <summary>States of one direction: of a work queue (IBV_WQS_*), and of the halves of a queue pair.</summary>
public enum QueueState
{
    Reset = 0,
    Ready = 1,
    Error = 2,
}
