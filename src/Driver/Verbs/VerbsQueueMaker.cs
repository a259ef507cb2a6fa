using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver.Verbs;

/// <summary>Makes queues that work through libibverbs.</summary>
internal sealed class VerbsQueueMaker(RdmaInterfaceOptions options, DeviceContext device, ObjectTree tree, ProtectionDomain domain, MemoryRegion region, BufferPool pool)
    : QueueMaker(options, device, tree, domain, region, pool)
{
    public override int RxBuffers => Options.RxQueues * Options.RxQueueSize;

    public override int MaxFrameBytes => BufferPool.DataBytes - VlanTag.Size;

    public override string Describe() => "mode: ibv";

    public override RdmaTxQueue MakeTx(string subject)
    {
        CompletionQueue completions = Tree.Own(CompletionQueue.Create(Device, Options.TxQueueSize, subject));
        int pieces = Options.TxQueueSize < RdmaInterfaceOptions.MaxQueueSize ? VerbsTxQueue.MaxPieces : 1; // more than one double libmlx5's WQE
        SendQueue queue = Tree.Own(new SendQueue(Domain, completions, Options.TxQueueSize, pieces, subject));
        queue.Start();
        return new VerbsTxQueue(queue, completions, Region, Pool, Options.TxQueueSize, pieces);
    }

    public override RdmaRxQueue MakeRx(string subject, out WorkQueue queue)
    {
        var channel = Tree.Own(new CompletionChannel(Device, subject));
        CompletionQueue completions = Tree.Own(CompletionQueue.Create(Device, Options.RxQueueSize, subject, channel));
        queue = Tree.Own(WorkQueue.Create(Device, Domain, completions, Options.RxQueueSize, segments: 1, stripVlan: false, subject));
        queue.Start();
        return new VerbsRxQueue(queue, completions, Region, Pool, Options.RxQueueSize, channel);
    }
}
