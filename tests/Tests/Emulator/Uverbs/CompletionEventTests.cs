using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using Verbena.Tests.Emulator.Nic;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A program that sleeps until completions come, beside a NIC that runs by itself.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class CompletionEventTests
{
    private const int Frames = 3000;
    private const int Window = 16;

    private readonly string _near = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";

    [Fact]
    public void No_wake_up_is_lost_however_arming_and_completing_meet()
    {
        string far = _near[..^1] + "b";
        using EmulatedNics nics = EmulatedNics.Attach(
            [new NicOptions(far) { Wire = new CableOptions(_near) }, new NicOptions(_near)], NullLogger.Instance);
        Assert.True(SpinWait.SpinUntil(() => nics.Devices[far].Link.IsUp, TimeSpan.FromSeconds(60)), "the cable brings the link up");
        using VerbsProgram sender = VerbsProgram.Start(0);
        using VerbsProgram program = VerbsProgram.Start(1);
        ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(program.Context));
        ibv_cq* cq = VerbsProgram.Must(ibv_create_cq(program.Context, 2 * Window, null, channel, 0));
        var attributes = new ibv_qp_init_attr
        {
            send_cq = cq,
            recv_cq = cq,
            cap = new ibv_qp_cap { max_recv_wr = Window, max_recv_sge = 1 },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
        };
        ibv_qp* qp = VerbsProgram.Must(ibv_create_qp(program.Pd, &attributes));
        Assert.Equal(0, sender.MoveToReadyToSend());
        MoveToReadyToReceive(qp);
        ibv_flow* flow = CatchAll(qp);
        MixedFrames.Make(3, "02:00:00:00:00:0b", 0, 64).CopyTo(new Span<byte>(sender.Buffer, 64));
        Post(program, qp, Window);
        Random random = new(1);
        int sent = 0;
        int received = 0;
        Assert.Equal(0, ibv_req_notify_cq(cq, 0));
        while (received < Frames)
        {
            for (int burst = random.Next(1, 6); burst > 0 && sent < Frames && sent - received < Window; burst--, sent++)
            {
                Send(sender);
                Thread.SpinWait(random.Next(200));
            }

            AwaitEvent(channel, cq);
            Thread.SpinWait(random.Next(200));
            Assert.Equal(0, ibv_req_notify_cq(cq, 0));
            Thread.SpinWait(random.Next(200));
            int taken = Take(cq);
            Post(program, qp, taken);
            received += taken;
        }

        Assert.Equal(Frames, received);
        Assert.Equal(0, ibv_destroy_flow(flow));
        Assert.Equal(0, ibv_destroy_qp(qp));
        Assert.Equal(0, ibv_destroy_cq(cq));
        Assert.Equal(0, ibv_destroy_comp_channel(channel));
        Assert.Empty(nics.Devices[_near].Conformance.Violations);
    }

    private static void Send(VerbsProgram sender)
    {
        sender.PostSend(0, 64);
        while (!sender.TryPoll(out _))
        {
            Thread.Yield();
        }
    }

    private static void AwaitEvent(ibv_comp_channel* channel, ibv_cq* cq)
    {
        var readable = new pollfd { fd = channel->fd, events = Libc.POLLIN };
        var patience = new timespec { tv_sec = 60 };
        Assert.Equal(1, Libc.ppoll(&readable, 1, &patience, null)); // 0: what completed woke nobody
        ibv_cq* notified;
        void* context;
        Assert.Equal(0, ibv_get_cq_event(channel, &notified, &context));
        ibv_ack_cq_events(cq, 1);
    }

    private static ibv_flow* CatchAll(ibv_qp* qp)
    {
        var all = new ibv_flow_attr { type = ibv_flow_attr_type.IBV_FLOW_ATTR_ALL_DEFAULT, size = (ushort)sizeof(ibv_flow_attr), port = 1 };
        return VerbsProgram.Must(ibv_create_flow(qp, &all));
    }

    private static void MoveToReadyToReceive(ibv_qp* qp)
    {
        var initial = new ibv_qp_attr { qp_state = ibv_qp_state.IBV_QPS_INIT, port_num = 1 };
        Assert.Equal(0, ibv_modify_qp(qp, &initial, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_PORT));
        var ready = new ibv_qp_attr { qp_state = ibv_qp_state.IBV_QPS_RTR };
        Assert.Equal(0, ibv_modify_qp(qp, &ready, ibv_qp_attr_mask.IBV_QP_STATE));
    }

    private static void Post(VerbsProgram program, ibv_qp* qp, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var sge = new ibv_sge { addr = (ulong)(program.Buffer + 1024), length = 1024, lkey = program.Mr->lkey };
            var request = new ibv_recv_wr { sg_list = &sge, num_sge = 1 };
            ibv_recv_wr* bad;
            Assert.Equal(0, ibv_post_recv(qp, &request, &bad));
        }
    }

    private static int Take(ibv_cq* cq)
    {
        int taken = 0;
        ibv_wc wc;
        for (; ibv_poll_cq(cq, 1, &wc) == 1; taken++)
        {
            Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, wc.status);
        }

        return taken;
    }
}
