using System.Runtime.InteropServices;

namespace Verbena.Interop.Verbs;

/// <content>The verbs that verbs.h defines inline: they go through the tables of the context, and the library exports no symbol.</content>
public static unsafe partial class Libibverbs
{
    /// <summary>Takes up to <paramref name="num_entries"/> completions; a negative result is an error.</summary>
    public static int ibv_poll_cq(ibv_cq* cq, int num_entries, ibv_wc* wc) => cq->context->ops.poll_cq(cq, num_entries, wc);

    /// <summary>Arms the queue: its next completion makes its channel readable.</summary>
    public static int ibv_req_notify_cq(ibv_cq* cq, int solicited_only) => cq->context->ops.req_notify_cq(cq, solicited_only);

    /// <summary>Posts a chain of requests; on failure <paramref name="bad_wr"/> is the first that was not posted.</summary>
    public static int ibv_post_send(ibv_qp* qp, ibv_send_wr* wr, ibv_send_wr** bad_wr) => qp->context->ops.post_send(qp, wr, bad_wr);

    /// <summary>Posts a chain of requests; on failure <paramref name="bad_wr"/> is the first that was not posted.</summary>
    public static int ibv_post_recv(ibv_qp* qp, ibv_recv_wr* wr, ibv_recv_wr** bad_wr) => qp->context->ops.post_recv(qp, wr, bad_wr);

    /// <summary>Posts a chain of requests; on failure <paramref name="bad_recv_wr"/> is the first that was not posted.</summary>
    public static int ibv_post_wq_recv(ibv_wq* wq, ibv_recv_wr* recv_wr, ibv_recv_wr** bad_recv_wr) => wq->post_recv(wq, recv_wr, bad_recv_wr);

    /// <summary>Fills in as much of the answer as <paramref name="port_attr_len"/> says; for a C program, what it was compiled with.</summary>
    public static int ibv_query_port(ibv_context* context, byte port_num, ibv_port_attr* port_attr, nuint port_attr_len)
    {
        verbs_context* verbs = verbs_get_ctx(context);
        return HasOperation(verbs, &verbs->query_port)
            ? verbs->query_port(context, port_num, port_attr, port_attr_len)
            : (int)Errno.EOPNOTSUPP;
    }

    /// <summary>Queries everything at once; a library or a device without the verb gives EOPNOTSUPP.</summary>
    public static int ibv_query_device_ex(ibv_context* context, ibv_device_attr_ex* attr)
    {
        verbs_context* verbs = verbs_get_ctx(context);
        return HasOperation(verbs, &verbs->query_device_ex)
            ? verbs->query_device_ex(context, null, attr, (nuint)sizeof(ibv_device_attr_ex))
            : (int)Errno.EOPNOTSUPP;
    }

    public static ibv_wq* ibv_create_wq(ibv_context* context, ibv_wq_init_attr* wq_init_attr)
    {
        verbs_context* verbs = verbs_get_ctx(context);
        if (!HasOperation(verbs, &verbs->create_wq))
        {
            return (ibv_wq*)NotSupported();
        }

        Marshal.SetLastSystemError(0);
        ibv_wq* wq = verbs->create_wq(context, wq_init_attr);
        SaveErrno();
        if (wq != null)
        {
            wq->wq_context = wq_init_attr->wq_context;
            wq->events_completed = 0;
            _ = pthread_mutex_init(wq->mutex, null);
            _ = pthread_cond_init(wq->cond, null);
        }

        return wq;
    }

    public static int ibv_modify_wq(ibv_wq* wq, ibv_wq_attr* wq_attr)
    {
        verbs_context* verbs = verbs_get_ctx(wq->context);
        return HasOperation(verbs, &verbs->modify_wq) ? verbs->modify_wq(wq, wq_attr) : (int)Errno.EOPNOTSUPP;
    }

    public static int ibv_destroy_wq(ibv_wq* wq)
    {
        verbs_context* verbs = verbs_get_ctx(wq->context);
        return HasOperation(verbs, &verbs->destroy_wq) ? verbs->destroy_wq(wq) : (int)Errno.EOPNOTSUPP;
    }

    public static ibv_rwq_ind_table* ibv_create_rwq_ind_table(ibv_context* context, ibv_rwq_ind_table_init_attr* init_attr)
    {
        verbs_context* verbs = verbs_get_ctx(context);
        if (!HasOperation(verbs, &verbs->create_rwq_ind_table))
        {
            return (ibv_rwq_ind_table*)NotSupported();
        }

        Marshal.SetLastSystemError(0);
        ibv_rwq_ind_table* table = verbs->create_rwq_ind_table(context, init_attr);
        SaveErrno();
        return table;
    }

    public static int ibv_destroy_rwq_ind_table(ibv_rwq_ind_table* rwq_ind_table)
    {
        verbs_context* verbs = verbs_get_ctx(rwq_ind_table->context);
        return HasOperation(verbs, &verbs->destroy_rwq_ind_table)
            ? verbs->destroy_rwq_ind_table(rwq_ind_table)
            : (int)Errno.EOPNOTSUPP;
    }

    public static ibv_qp* ibv_create_qp_ex(ibv_context* context, ibv_qp_init_attr_ex* qp_init_attr_ex)
    {
        verbs_context* verbs = verbs_get_ctx(context);
        if (!HasOperation(verbs, &verbs->create_qp_ex))
        {
            return (ibv_qp*)NotSupported();
        }

        Marshal.SetLastSystemError(0);
        ibv_qp* qp = verbs->create_qp_ex(context, qp_init_attr_ex);
        SaveErrno();
        return qp;
    }

    public static ibv_flow* ibv_create_flow(ibv_qp* qp, ibv_flow_attr* flow)
    {
        verbs_context* verbs = verbs_get_ctx(qp->context);
        if (!HasOperation(verbs, &verbs->ibv_create_flow))
        {
            return (ibv_flow*)NotSupported();
        }

        Marshal.SetLastSystemError(0);
        ibv_flow* created = verbs->ibv_create_flow(qp, flow);
        SaveErrno();
        return created;
    }

    public static int ibv_destroy_flow(ibv_flow* flow_id)
    {
        verbs_context* verbs = verbs_get_ctx(flow_id->context);
        return HasOperation(verbs, &verbs->ibv_destroy_flow) ? verbs->ibv_destroy_flow(flow_id) : (int)Errno.EOPNOTSUPP;
    }

    private static verbs_context* verbs_get_ctx(ibv_context* context) =>
        context->abi_compat == (void*)nuint.MaxValue ? (verbs_context*)((byte*)context - sizeof(verbs_context) + sizeof(ibv_context)) : null;

    // verbs_get_ctx_op: the table grows at its front, so an older library's has no memory before its own first slot.
    private static bool HasOperation(verbs_context* verbs, void* slot) =>
        verbs != null && verbs->sz >= (nuint)((byte*)(verbs + 1) - (byte*)slot) && *(void**)slot != null;

    private static void* NotSupported()
    {
        Marshal.SetLastPInvokeError((int)Errno.EOPNOTSUPP);
        return null;
    }

    private static void SaveErrno() => Marshal.SetLastPInvokeError(Marshal.GetLastSystemError());

    [LibraryImport("libc")]
    private static partial int pthread_mutex_init(void* mutex, void* attr);

    [LibraryImport("libc")]
    private static partial int pthread_cond_init(void* cond, void* attr);
}
