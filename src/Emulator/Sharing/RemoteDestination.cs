using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;

namespace Verbena.Emulator.Sharing;

/// <summary>Queues of another process that flows lead to.</summary>
internal sealed class RemoteDestination : FlowDestination
{
    private readonly RemoteQueues _queues;

    public RemoteDestination(RemoteQueues queues, NicContext context, in FlowRequest flow)
        : base(context)
    {
        _queues = queues;
        Number = flow.Destination;
        Receives = flow.Receives;
        SelfLoopback = flow.SelfLoopback;
    }

    /// <summary>How many flows lead here.</summary>
    public int Flows { get; set; }

    /// <summary>By what the process knows it.</summary>
    public uint Number { get; }

    internal override bool Receives { get; }

    internal override void Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, uint tag, ulong timestamp) =>
        _queues.Deliver(frame, new FrameHeader { Length = frame.Length, Owner = Number, Tag = tag, Timestamp = timestamp });
}
