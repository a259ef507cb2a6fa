using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>Receives by ibv_poll_cq and ibv_post_wq_recv on one queue behind RSS, as the driver does.</summary>
internal sealed unsafe class ReceivingProgram : QueueProgram
{
    private static readonly MacAddress s_address = MacAddress.Parse("02:00:00:00:00:01");

    private readonly WorkQueue _queue;
    private readonly ibv_recv_wr* _requests;
    private int _free = QueueSize;

    /// <summary>Opens the device of a network interface, and receives what RSS chooses the queue for by some fields.</summary>
    public ReceivingProgram(string hostInterface, Rss4 fields)
        : base(hostInterface)
    {
        _queue = Own(WorkQueue.Create(Device, Domain, Completions, QueueSize, segments: 1, stripVlan: false, Subject));
        _queue.Start();
        var table = Own(new IndirectionTable(Device, [_queue], Subject));
        var rss = Own(new RssQueuePair(Device, Domain, table, RssSettings.DefaultKey, RssQueuePair.Fields(fields), Subject));
        Own(new SteeringRule(rss, FrameFilter.To(s_address), etherType: null, isTagged: false, Subject)).Add();
        _requests = (ibv_recv_wr*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(ibv_recv_wr));
        for (int i = 0; i < Batch; i++)
        {
            Pieces[i].length = BufferPool.DataBytes;
            _requests[i] = new ibv_recv_wr { next = i + 1 < Batch ? &_requests[i + 1] : null, sg_list = &Pieces[i], num_sge = 1 };
        }
    }

    public override void Turn()
    {
        _free += Poll();
        while (_free >= Batch)
        {
            NameBuffers();
            ibv_recv_wr* refused;
            VerbsException.Check(Libibverbs.ibv_post_wq_recv(_queue.Handle, _requests, &refused), "ibv_post_wq_recv", Subject);
            _free -= Batch;
        }
    }

    protected override void FreeRequests() => NativeMemory.Free(_requests);
}
