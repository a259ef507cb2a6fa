using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Mlx5.Libmlx5;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A queue pair for raw Ethernet frames of which only the send side is used.</summary>
internal sealed unsafe class SendQueue : IDisposable
{
    private readonly string _subject;

    /// <summary>Makes a queue in which <paramref name="requests"/> can wait, each for up to <paramref name="pieces"/> pieces of memory.</summary>
    public SendQueue(ProtectionDomain domain, CompletionQueue completions, int requests, int pieces, string subject)
    {
        _subject = subject;
        var attributes = new ibv_qp_init_attr
        {
            send_cq = completions.Handle,
            recv_cq = completions.Handle,
            cap = new ibv_qp_cap { max_send_wr = (uint)requests, max_send_sge = (uint)pieces },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
        };
        Handle = VerbsException.NotNull(ibv_create_qp(domain.Handle, &attributes), "ibv_create_qp", subject);
    }

    public ibv_qp* Handle { get; }

    /// <summary>Where the queue's memory is.</summary>
    public mlx5dv_qp Direct()
    {
        mlx5dv_qp memory = default;
        var objects = new mlx5dv_obj { qp_in = Handle, qp_out = &memory };
        VerbsException.Check(mlx5dv_init_obj(&objects, mlx5dv_obj_type.MLX5DV_OBJ_QP), "mlx5dv_init_obj", _subject);
        return memory;
    }

    /// <summary>Makes a new queue ready to send.</summary>
    public void Start() => VerbsException.Check(MakeReady(), "ibv_modify_qp", _subject);

    /// <summary>
    /// Empties a queue that stopped at an error, and makes it ready to send again. Requests and completions that were in it are
    /// forgotten. Returns 0 or errno, since it is called between packets.
    /// </summary>
    public int Restart()
    {
        int result = Modify(ibv_qp_state.IBV_QPS_RESET, ibv_qp_attr_mask.IBV_QP_STATE);
        return result != 0 ? result : MakeReady();
    }

    public void Dispose() => _ = ibv_destroy_qp(Handle);

    // A raw-packet queue pair takes the way of all queue pairs through the states; only the first step has a parameter.
    private int MakeReady()
    {
        int result = Modify(ibv_qp_state.IBV_QPS_INIT, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_PORT);
        result = result != 0 ? result : Modify(ibv_qp_state.IBV_QPS_RTR, ibv_qp_attr_mask.IBV_QP_STATE);
        return result != 0 ? result : Modify(ibv_qp_state.IBV_QPS_RTS, ibv_qp_attr_mask.IBV_QP_STATE);
    }

    private int Modify(ibv_qp_state state, ibv_qp_attr_mask mask)
    {
        var attributes = new ibv_qp_attr { qp_state = state, port_num = 1 };
        return ibv_modify_qp(Handle, &attributes, mask);
    }
}
