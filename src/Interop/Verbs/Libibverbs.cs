using System.Runtime.InteropServices;

namespace Verbena.Interop.Verbs;

/// <summary>libibverbs, under C's names. A verb that returns a pointer gives null and errno; one that returns an int gives errno itself.</summary>
/// <remarks>errno is read by <see cref="Marshal.GetLastPInvokeError"/>. Exports here; what verbs.h defines inline is in InlineVerbs.cs.</remarks>
public static unsafe partial class Libibverbs
{
    public const string Name = "libibverbs.so.1";

    /// <summary>A static string: the root below which the library reads sysfs. It is no part of verbs.h, but of the stable ABI (IBVERBS_1.0).</summary>
    [LibraryImport(Name)]
    public static partial byte* ibv_get_sysfs_path();

    /// <summary>A list that ends with null, to be freed when the devices in use are open.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_device** ibv_get_device_list(int* num_devices);

    [LibraryImport(Name)]
    public static partial void ibv_free_device_list(ibv_device** list);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_context* ibv_open_device(ibv_device* device);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_close_device(ibv_context* context);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_query_device(ibv_context* context, ibv_device_attr* device_attr);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_pd* ibv_alloc_pd(ibv_context* context);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_dealloc_pd(ibv_pd* pd);

    /// <summary>Registers memory; for access flags from bit 20 on, C programs are led to <c>ibv_reg_mr_iova2</c>.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_mr* ibv_reg_mr(ibv_pd* pd, void* addr, nuint length, ibv_access_flags access);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_dereg_mr(ibv_mr* mr);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_comp_channel* ibv_create_comp_channel(ibv_context* context);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_destroy_comp_channel(ibv_comp_channel* channel);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_cq* ibv_create_cq(ibv_context* context, int cqe, void* cq_context, ibv_comp_channel* channel, int comp_vector);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_destroy_cq(ibv_cq* cq);

    /// <summary>Blocks until there is an event, unless the channel's descriptor is non-blocking.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_get_cq_event(ibv_comp_channel* channel, ibv_cq** cq, void** cq_context);

    [LibraryImport(Name)]
    public static partial void ibv_ack_cq_events(ibv_cq* cq, uint nevents);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_qp* ibv_create_qp(ibv_pd* pd, ibv_qp_init_attr* qp_init_attr);

    /// <summary>Null for a queue pair that was not created with send operations.</summary>
    [LibraryImport(Name)]
    public static partial ibv_qp_ex* ibv_qp_to_qp_ex(ibv_qp* qp);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_modify_qp(ibv_qp* qp, ibv_qp_attr* attr, ibv_qp_attr_mask attr_mask);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_query_qp(ibv_qp* qp, ibv_qp_attr* attr, ibv_qp_attr_mask attr_mask, ibv_qp_init_attr* init_attr);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_destroy_qp(ibv_qp* qp);

    /// <summary>Blocks until there is an event, unless the context's async_fd is non-blocking. Returns -1 and errno on failure.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial int ibv_get_async_event(ibv_context* context, ibv_async_event* event_);

    /// <summary>Each event must be acknowledged: destroying its object waits for that.</summary>
    [LibraryImport(Name)]
    public static partial void ibv_ack_async_event(ibv_async_event* event_);

    /// <summary>A static string that says what a completion's status means.</summary>
    [LibraryImport(Name)]
    public static partial byte* ibv_wc_status_str(ibv_wc_status status);

    /// <summary>A static string that says what an event means.</summary>
    [LibraryImport(Name)]
    public static partial byte* ibv_event_type_str(ibv_event_type event_);
}
