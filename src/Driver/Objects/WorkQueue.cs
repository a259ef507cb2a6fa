using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A receive queue that an indirection table can name.</summary>
internal sealed unsafe class WorkQueue : IDisposable
{
    private readonly string _subject;

    /// <summary>Makes a queue in which <paramref name="requests"/> can wait, each for one piece of memory.</summary>
    public WorkQueue(DeviceContext device, ProtectionDomain domain, CompletionQueue completions, int requests, string subject)
    {
        _subject = subject;
        var attributes = new ibv_wq_init_attr
        {
            wq_type = ibv_wq_type.IBV_WQT_RQ,
            max_wr = (uint)requests,
            max_sge = 1,
            pd = domain.Handle,
            cq = completions.Handle,
        };
        Handle = VerbsException.NotNull(ibv_create_wq(device.Handle, &attributes), "ibv_create_wq", subject);
    }

    public ibv_wq* Handle { get; }

    /// <summary>Makes a new queue ready to receive. Requests must be posted later: libmlx5 forgets earlier ones at this step.</summary>
    public void Start() => VerbsException.Check(Modify(ibv_wq_state.IBV_WQS_RDY), "ibv_modify_wq", _subject);

    /// <summary>Empties a queue that stopped at an error, and makes it ready to receive again. Returns 0 or errno, since it is called between packets.</summary>
    public int Restart()
    {
        int result = Modify(ibv_wq_state.IBV_WQS_RESET);
        return result != 0 ? result : Modify(ibv_wq_state.IBV_WQS_RDY);
    }

    public void Dispose() => _ = ibv_destroy_wq(Handle);

    private int Modify(ibv_wq_state state)
    {
        var attributes = new ibv_wq_attr { attr_mask = ibv_wq_attr_mask.IBV_WQ_ATTR_STATE, wq_state = state };
        return ibv_modify_wq(Handle, &attributes);
    }
}
