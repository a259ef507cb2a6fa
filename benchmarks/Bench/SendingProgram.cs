using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>Sends by ibv_post_send, one completion for a batch, as the driver does.</summary>
internal sealed unsafe class SendingProgram : QueueProgram
{
    private readonly SendQueue _queue;
    private readonly ibv_send_wr* _requests;
    private int _free = QueueSize;

    public SendingProgram(string hostInterface)
        : base(hostInterface)
    {
        _queue = Own(new SendQueue(Domain, Completions, QueueSize, pieces: 1, Subject));
        _queue.Start();
        _requests = (ibv_send_wr*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(ibv_send_wr));
        for (int i = 0; i < Batch; i++)
        {
            Pieces[i].length = FrameBytes;
            _requests[i] = new ibv_send_wr
            {
                next = i + 1 < Batch ? &_requests[i + 1] : null,
                sg_list = &Pieces[i],
                num_sge = 1,
                opcode = ibv_wr_opcode.IBV_WR_SEND,
                send_flags = i + 1 < Batch ? default : ibv_send_flags.IBV_SEND_SIGNALED,
            };
        }

        FillBuffers();
    }

    public override void Turn()
    {
        _free += Poll() * Batch;
        while (_free >= Batch)
        {
            NameBuffers();
            ibv_send_wr* refused;
            VerbsException.Check(Libibverbs.ibv_post_send(_queue.Handle, _requests, &refused), "ibv_post_send", Subject);
            _free -= Batch;
        }
    }

    protected override void FreeRequests() => NativeMemory.Free(_requests);

    /// <summary>The same UDP frame, to an address that is not on the port, in all buffers.</summary>
    private void FillBuffers()
    {
        byte[] frame = new byte[FrameBytes];
        ref EthernetHeader ethernet = ref MemoryMarshal.AsRef<EthernetHeader>(frame.AsSpan());
        ethernet.Destination = MacAddress.Parse("02:00:00:00:00:02");
        ethernet.Source = MacAddress.Parse("02:00:00:00:00:01");
        ethernet.Type = EtherType.Ip4;
        ref Ip4Header ip = ref MemoryMarshal.AsRef<Ip4Header>(frame.AsSpan(EthernetHeader.Size));
        ip.VersionAndHeaderLength = 0x45;
        ip.TotalLength = FrameBytes - EthernetHeader.Size;
        ip.TimeToLive = 64;
        ip.Protocol = IpProtocol.Udp;
        ip.Source = Ip4Address.Parse("198.18.0.1");
        ip.Destination = Ip4Address.Parse("198.19.0.1");
        ip.Checksum = Checksum.Compute(frame.AsSpan(EthernetHeader.Size, Ip4Header.Size));
        foreach (BufferIndex buffer in AllBuffers)
        {
            frame.CopyTo(new Span<byte>(Buffers.ReceiveAddress(buffer), FrameBytes));
        }
    }
}
