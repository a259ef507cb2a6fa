using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Bench.Replay;

/// <summary>libmlx5's verbs, called from C by a program that is made for nothing else (replay.c).</summary>
/// <remarks>It notes address and length of a packet, no more: the driver's header of a buffer, a cache line each, is extra work.</remarks>
internal sealed unsafe partial class CProgramSide(string name) : ReplaySide(name)
{
    private readonly BufferPool _pool = new(Buffers);
    private readonly ObjectTree _tree = new();
    private readonly Packet[] _packets = new Packet[PacketsPerTurn];
    private void* _program;

    public override void Dispose()
    {
        _tree.Dispose();
        if (_program != null)
        {
            replay_destroy(_program);
        }

        _pool.Dispose();
    }

    protected override void Open()
    {
        DeviceContext receiver = _tree.Own(DeviceContext.Open(HostInterface.Find(Nics.ReceiverName, DeviceContext.SysfsRoot())));
        var domain = _tree.Own(new ProtectionDomain(receiver, Name));
        var region = _tree.Own(new MemoryRegion(domain, _pool.Memory, Name));
        CompletionQueue received = _tree.Own(CompletionQueue.Create(receiver, QueueSize, Name));
        WorkQueue receive = _tree.Own(WorkQueue.Create(receiver, domain, received, QueueSize, segments: 1, stripVlan: false, Name));
        receive.Start();
        var table = _tree.Own(new IndirectionTable(receiver, [receive], Name));
        var rss = _tree.Own(new RssQueuePair(receiver, domain, table, RssSettings.DefaultKey, RssQueuePair.Fields(Rss4.Ipv4), Name));
        _tree.Own(new SteeringRule(rss, FrameFilter.To(MacAddress.Parse("02:00:00:00:00:01")), etherType: null, isTagged: false, Name)).Add();

        DeviceContext sender = _tree.Own(DeviceContext.Open(HostInterface.Find(Nics.SenderName, DeviceContext.SysfsRoot())));
        var sendDomain = _tree.Own(new ProtectionDomain(sender, Name));
        var sendRegion = _tree.Own(new MemoryRegion(sendDomain, _pool.Memory, Name));
        CompletionQueue sent = _tree.Own(CompletionQueue.Create(sender, QueueSize, Name));
        var send = _tree.Own(new SendQueue(sendDomain, sent, QueueSize, pieces: 1, Name));
        send.Start();

        var all = new BufferIndex[Buffers];
        _pool.TakeToReceive(all);
        byte* memory = _pool.ReceiveAddress(new BufferIndex(0));
        _program = replay_create(
            receive.Handle, received.Handle, send.Handle, sent.Handle, memory, Buffers, (uint)(_pool.ReceiveAddress(new BufferIndex(1)) - memory),
            BufferPool.DataBytes, region.LocalKey, sendRegion.LocalKey, QueueSize);
        if (_program == null)
        {
            throw new InvalidOperationException("replay_create: no memory");
        }
    }

    protected override int Receive(int batch) => Check(replay_receive(_program, _packets, PacketsPerTurn, batch));

    protected override void Send(int count, int batch) => Check(replay_send(_program, _packets, count, batch));

    private int Check(int count) => count >= 0 ? count : throw new InvalidOperationException($"{Name}: a verb or a completion failed");

    [LibraryImport("libverbena-replay.so")]
    private static partial void* replay_create(
        ibv_wq* receive, ibv_cq* received, ibv_qp* send, ibv_cq* sent, byte* memory, uint count, uint strideBytes, uint bufferBytes,
        uint receiveKey, uint sendKey, uint queueSize);

    [LibraryImport("libverbena-replay.so")]
    private static partial int replay_receive(void* program, Packet[] packets, int max, int batch);

    [LibraryImport("libverbena-replay.so")]
    private static partial int replay_send(void* program, Packet[] packets, int count, int batch);

    [LibraryImport("libverbena-replay.so")]
    private static partial void replay_destroy(void* program);

    /// <summary>struct replay_packet.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Packet
    {
        public byte* Data;
        public uint LengthBytes;
    }
}
