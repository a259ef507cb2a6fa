namespace Verbena.Emulator.Nic;

/// <summary>A raw-packet queue pair: a send queue, a receive queue, or both.</summary>
public sealed class QueuePair : QueueDestination
{
    private QueuePairState _state;

    internal QueuePair(uint number, QueuePairParameters parameters, SendQueue? send, ReceiveQueue? receive, PortCounters counters)
        : base(parameters.Context, receive is null ? [] : [receive], null, parameters.OffloadsTunnels, counters)
    {
        SelfLoopback = parameters.SelfLoopback;
        Number = number;
        UarPage = parameters.UarPage;
        Send = send;
        Receive = receive;
    }

    /// <summary>The qpn that WQEs and doorbells carry, 24 bits.</summary>
    public uint Number { get; }

    /// <summary>The state the program asked for, or Error since a half of the pair has failed.</summary>
    public QueuePairState State =>
        Send?.State == QueueState.Error || Receive?.State == QueueState.Error ? QueuePairState.Error : _state;

    /// <summary>True if the send queue has failed and the receive queue works on (IBV_QPS_SQE).</summary>
    public bool HasOnlySendFailed => Send?.State == QueueState.Error && Receive?.State == QueueState.Ready;

    internal int UarPage { get; }

    internal SendQueue? Send { get; }

    internal ReceiveQueue? Receive { get; }

    internal void Modify(QueuePairState state)
    {
        _state = state;
        Receive?.Modify(Half(readyFrom: QueuePairState.Init));
        Send?.Modify(Half(readyFrom: QueuePairState.ReadyToSend));
    }

    private QueueState Half(QueuePairState readyFrom) =>
        _state == QueuePairState.Error ? QueueState.Error : _state >= readyFrom ? QueueState.Ready : QueueState.Reset;
}
