using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A small program above the real libibverbs: one device, a protection domain, a completion queue, a raw-packet queue pair.</summary>
internal sealed unsafe class VerbsProgram : IDisposable
{
    public const int BufferBytes = 8192;

    private VerbsProgram(ibv_context* context)
    {
        Context = context;
        Pd = Must(ibv_alloc_pd(context));
        Buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, 4096);
        new Span<byte>(Buffer, BufferBytes).Clear();
        Mr = Must(ibv_reg_mr(Pd, Buffer, BufferBytes, ibv_access_flags.IBV_ACCESS_LOCAL_WRITE));
        Cq = Must(ibv_create_cq(context, 63, null, null, 0));
        Qp = CreateQueuePair(16, 16);
    }

    public ibv_context* Context { get; }

    public ibv_pd* Pd { get; }

    public ibv_mr* Mr { get; }

    public ibv_cq* Cq { get; }

    public ibv_qp* Qp { get; }

    public byte* Buffer { get; }

    /// <summary>Opens the n-th device of the list.</summary>
    public static ibv_context* Open(int n)
    {
        int count;
        ibv_device** list = (ibv_device**)Must((nint*)ibv_get_device_list(&count));
        try
        {
            Assert.True(n < count, $"device {n} of {count}");
            return Must(ibv_open_device(list[n]));
        }
        finally
        {
            ibv_free_device_list(list);
        }
    }

    public static VerbsProgram Start(int n) => new(Open(n));

    /// <summary>Every name in the list of devices.</summary>
    public static string[] DeviceNames()
    {
        int count;
        ibv_device** list = ibv_get_device_list(&count);
        if (list == null)
        {
            return []; // ENOSYS: no RDMA in this system
        }

        string[] names = new string[count];
        for (int i = 0; i < count; i++)
        {
            names[i] = Marshal.PtrToStringUTF8((nint)list[i]->name)!;
        }

        ibv_free_device_list(list);
        return names;
    }

    public static T* Must<T>(T* result)
        where T : unmanaged
    {
        Assert.True(result != null, $"{typeof(T).Name}: {(Errno)Marshal.GetLastPInvokeError()}");
        return result;
    }

    public ibv_qp* CreateQueuePair(uint sends, uint receives) => Must(TryCreateQueuePair(sends, receives));

    /// <summary>Null where that is refused; errno says why.</summary>
    public ibv_qp* TryCreateQueuePair(uint sends, uint receives)
    {
        var attributes = new ibv_qp_init_attr
        {
            send_cq = Cq,
            recv_cq = Cq,
            cap = new ibv_qp_cap { max_send_wr = sends, max_recv_wr = receives, max_send_sge = 1, max_recv_sge = 1 },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
        };
        return ibv_create_qp(Pd, &attributes);
    }

    /// <summary>Moves the queue pair to RTS. Returns the first errno, or 0.</summary>
    public int MoveToReadyToSend() => MoveToReadyToSend(Qp);

    /// <summary>Moves any queue pair to RTS. Returns the first errno, or 0.</summary>
    public static int MoveToReadyToSend(ibv_qp* qp)
    {
        int error = Modify(qp, ibv_qp_state.IBV_QPS_INIT, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_PORT);
        error = error != 0 ? error : Modify(qp, ibv_qp_state.IBV_QPS_RTR, ibv_qp_attr_mask.IBV_QP_STATE);
        return error != 0 ? error : Modify(qp, ibv_qp_state.IBV_QPS_RTS, ibv_qp_attr_mask.IBV_QP_STATE);
    }

    public int Modify(ibv_qp_state state, ibv_qp_attr_mask mask) => Modify(Qp, state, mask);

    private static int Modify(ibv_qp* qp, ibv_qp_state state, ibv_qp_attr_mask mask)
    {
        var attributes = new ibv_qp_attr { qp_state = state, port_num = 1 };
        return ibv_modify_qp(qp, &attributes, mask);
    }

    /// <summary>Steers all frames that nobody else takes to the queue pair.</summary>
    public ibv_flow* CatchAll()
    {
        var attributes = new ibv_flow_attr
        {
            type = ibv_flow_attr_type.IBV_FLOW_ATTR_ALL_DEFAULT,
            size = (ushort)sizeof(ibv_flow_attr),
            port = 1,
        };
        return Must(ibv_create_flow(Qp, &attributes));
    }

    public void PostReceive(int offset, int length)
    {
        var sge = new ibv_sge { addr = (ulong)(Buffer + offset), length = (uint)length, lkey = Mr->lkey };
        var request = new ibv_recv_wr { wr_id = (ulong)offset, sg_list = &sge, num_sge = 1 };
        ibv_recv_wr* bad;
        Assert.Equal(0, ibv_post_recv(Qp, &request, &bad));
    }

    public void PostSend(int offset, int length)
    {
        var sge = new ibv_sge { addr = (ulong)(Buffer + offset), length = (uint)length, lkey = Mr->lkey };
        var request = new ibv_send_wr
        {
            wr_id = (ulong)offset,
            sg_list = &sge,
            num_sge = 1,
            opcode = ibv_wr_opcode.IBV_WR_SEND,
            send_flags = ibv_send_flags.IBV_SEND_SIGNALED,
        };
        ibv_send_wr* bad;
        Assert.Equal(0, ibv_post_send(Qp, &request, &bad));
    }

    /// <summary>Takes one completion, if there is one.</summary>
    public bool TryPoll(out ibv_wc completion)
    {
        fixed (ibv_wc* wc = &completion)
        {
            int count = ibv_poll_cq(Cq, 1, wc);
            Assert.InRange(count, 0, 1);
            return count == 1;
        }
    }

    /// <summary>Destroys what there is; it asserts nothing, so that it hides no failure of the test itself.</summary>
    public void Dispose()
    {
        _ = ibv_destroy_qp(Qp);
        _ = ibv_destroy_cq(Cq);
        _ = ibv_dereg_mr(Mr);
        _ = ibv_dealloc_pd(Pd);
        _ = ibv_close_device(Context);
        NativeMemory.AlignedFree(Buffer);
    }
}
