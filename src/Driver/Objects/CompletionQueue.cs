using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Mlx5.Libmlx5;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A completion queue of at least so many entries, polled by the owner of the one queue that reports to it.</summary>
internal sealed unsafe class CompletionQueue : IDisposable
{
    private const ushort CqeBytes = 64; // asked for, since otherwise MLX5_CQE_SIZE in the environment could make it 128

    private readonly string _subject;

    private CompletionQueue(ibv_cq* handle, string subject)
    {
        Handle = handle;
        _subject = subject;
    }

    public ibv_cq* Handle { get; }

    /// <summary>Makes a queue for <c>ibv_poll_cq</c>, with a channel if anybody is to be told of completions.</summary>
    public static CompletionQueue Create(DeviceContext device, int entries, string subject, CompletionChannel? channel = null)
    {
        ibv_comp_channel* events = channel is null ? null : channel.Handle;
        return new(VerbsException.NotNull(ibv_create_cq(device.Handle, entries, null, events, comp_vector: default), "ibv_create_cq", subject), subject);
    }

    /// <summary>Makes a queue whose memory the driver reads itself; the NIC may compress completions in the given format, or 0 for not.</summary>
    public static CompletionQueue CreateDirect(DeviceContext device, int entries, mlx5dv_cqe_comp_res_format compression, string subject, CompletionChannel? channel = null)
    {
        var attributes = new ibv_cq_init_attr_ex { cqe = (uint)entries, channel = channel is null ? null : channel.Handle };
        var direct = new mlx5dv_cq_init_attr
        {
            comp_mask = mlx5dv_cq_init_attr_mask.MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE
                | (compression != default ? mlx5dv_cq_init_attr_mask.MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE : default),
            cqe_comp_res_format = (byte)compression,
            cqe_size = CqeBytes,
        };
        return new CompletionQueue(VerbsException.NotNull(mlx5dv_create_cq(device.Handle, &attributes, &direct), "mlx5dv_create_cq", subject), subject);
    }

    /// <summary>Where the queue's memory is. From now on libmlx5 leaves its consumer index to the caller.</summary>
    public mlx5dv_cq Direct()
    {
        mlx5dv_cq memory = default;
        var objects = new mlx5dv_obj { cq_in = Handle, cq_out = &memory };
        VerbsException.Check(mlx5dv_init_obj(&objects, mlx5dv_obj_type.MLX5DV_OBJ_CQ), "mlx5dv_init_obj", _subject);
        return memory;
    }

    public void Dispose() => _ = ibv_destroy_cq(Handle);
}
