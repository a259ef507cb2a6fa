using System.Numerics;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Mlx5.Libmlx5;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A receive queue that an indirection table can name.</summary>
internal sealed unsafe class WorkQueue : IDisposable
{
    private readonly string _subject;

    private WorkQueue(ibv_wq* handle, string subject)
    {
        Handle = handle;
        _subject = subject;
    }

    public ibv_wq* Handle { get; }

    /// <summary>
    /// Makes a queue in which <paramref name="requests"/> can wait, each for <paramref name="segments"/> pieces of memory. The
    /// NIC takes VLAN tags out of packets if <paramref name="stripVlan"/> says so.
    /// </summary>
    public static WorkQueue Create(
        DeviceContext device, ProtectionDomain domain, CompletionQueue completions, int requests, int segments, bool stripVlan, string subject)
    {
        ibv_wq_init_attr attributes = Attributes(domain, completions, requests, segments, stripVlan);
        return new WorkQueue(VerbsException.NotNull(ibv_create_wq(device.Handle, &attributes), "ibv_create_wq", subject), subject);
    }

    /// <summary>Makes a striding queue: each of <paramref name="requests"/> has as many strides as segments, of a length each that is a power of two.</summary>
    public static WorkQueue CreateStriding(
        DeviceContext device, ProtectionDomain domain, CompletionQueue completions, int requests, int segments, int strideBytes, bool stripVlan, string subject)
    {
        ibv_wq_init_attr attributes = Attributes(domain, completions, requests, segments, stripVlan);
        var striding = new mlx5dv_wq_init_attr
        {
            comp_mask = mlx5dv_wq_init_attr_mask.MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ,
            striding_rq_attrs = new mlx5dv_striding_rq_init_attr
            {
                single_stride_log_num_of_bytes = (uint)BitOperations.Log2((uint)strideBytes),
                single_wqe_log_num_of_strides = (uint)BitOperations.Log2((uint)segments),
            },
        };
        return new WorkQueue(VerbsException.NotNull(mlx5dv_create_wq(device.Handle, &attributes, &striding), "mlx5dv_create_wq", subject), subject);
    }

    /// <summary>Makes a new queue ready to receive. Requests must be posted later: libmlx5 forgets earlier ones at this step.</summary>
    public void Start() => VerbsException.Check(MakeReady(), "ibv_modify_wq", _subject);

    /// <summary>Where the queue's memory is.</summary>
    public mlx5dv_rwq Direct()
    {
        mlx5dv_rwq memory = default;
        var objects = new mlx5dv_obj { rwq_in = Handle, rwq_out = &memory };
        VerbsException.Check(mlx5dv_init_obj(&objects, mlx5dv_obj_type.MLX5DV_OBJ_RWQ), "mlx5dv_init_obj", _subject);
        return memory;
    }

    /// <summary>Empties a queue. Returns 0 or errno, since it is called between packets.</summary>
    public int Reset() => Modify(ibv_wq_state.IBV_WQS_RESET);

    /// <summary>Makes a queue that is empty ready to receive. Returns 0 or errno.</summary>
    public int MakeReady() => Modify(ibv_wq_state.IBV_WQS_RDY);

    /// <summary>Empties a queue that stopped at an error, and makes it ready to receive again. Returns 0 or errno.</summary>
    public int Restart()
    {
        int result = Reset();
        return result != 0 ? result : MakeReady();
    }

    public void Dispose() => _ = ibv_destroy_wq(Handle);

    private static ibv_wq_init_attr Attributes(
        ProtectionDomain domain, CompletionQueue completions, int requests, int segments, bool stripVlan) => new()
        {
            wq_type = ibv_wq_type.IBV_WQT_RQ,
            max_wr = (uint)requests,
            max_sge = (uint)segments,
            pd = domain.Handle,
            cq = completions.Handle,
            comp_mask = stripVlan ? (uint)ibv_wq_init_attr_mask.IBV_WQ_INIT_ATTR_FLAGS : 0,
            create_flags = stripVlan ? (uint)ibv_wq_flags.IBV_WQ_FLAGS_CVLAN_STRIPPING : 0,
        };

    private int Modify(ibv_wq_state state)
    {
        var attributes = new ibv_wq_attr { attr_mask = ibv_wq_attr_mask.IBV_WQ_ATTR_STATE, wq_state = state };
        return ibv_modify_wq(Handle, &attributes);
    }
}
