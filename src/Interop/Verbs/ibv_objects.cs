using System.Runtime.InteropServices;

namespace Verbena.Interop.Verbs;

/// <summary>A protection domain: memory regions and queues of one domain may be used together.</summary>
[CStruct("struct ibv_pd", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public unsafe struct ibv_pd
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public uint handle;
}

/// <summary>A memory region: <see cref="lkey"/> stands for it in work requests.</summary>
[CStruct("struct ibv_mr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x30)]
public unsafe struct ibv_mr
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public ibv_pd* pd;
    [FieldOffset(0x10)] public void* addr;
    [FieldOffset(0x18)] public nuint length;
    [FieldOffset(0x20)] public uint handle;
    [FieldOffset(0x24)] public uint lkey;
    [FieldOffset(0x28)] public uint rkey;
}

/// <summary>A completion channel: its descriptor becomes readable when an armed completion queue gets an entry.</summary>
[CStruct("struct ibv_comp_channel", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public unsafe struct ibv_comp_channel
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public int fd;
    [FieldOffset(0x0C)] public int refcnt;
}

/// <summary>A completion queue.</summary>
[CStruct("struct ibv_cq", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x80)]
public unsafe struct ibv_cq
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public ibv_comp_channel* channel;
    [FieldOffset(0x10)] public void* cq_context;
    [FieldOffset(0x18)] public uint handle;
    [FieldOffset(0x1C)] public int cqe;
}

/// <summary>A queue pair.</summary>
[CStruct("struct ibv_qp", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0xA0)]
public unsafe struct ibv_qp
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public void* qp_context;
    [FieldOffset(0x10)] public ibv_pd* pd;
    [FieldOffset(0x18)] public ibv_cq* send_cq;
    [FieldOffset(0x20)] public ibv_cq* recv_cq;
    [FieldOffset(0x30)] public uint handle;
    [FieldOffset(0x34)] public uint qp_num;
    [FieldOffset(0x38)] public ibv_qp_state state;
    [FieldOffset(0x3C)] public ibv_qp_type qp_type;
}

/// <summary>A queue pair that was created with send operations: work is put together by calls between wr_start and wr_complete.</summary>
/// <remarks><c>ibv_qp_to_qp_ex</c> gives it; libmlx5's begins where the <see cref="ibv_qp"/> does.</remarks>
[CStruct("struct ibv_qp_ex", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x160)]
public unsafe struct ibv_qp_ex
{
    [FieldOffset(0x00)] public ibv_qp qp_base;
    [FieldOffset(0xA8)] public ulong wr_id;
    [FieldOffset(0xB0)] public uint wr_flags;
    [FieldOffset(0xF0)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, void> wr_send;
    [FieldOffset(0x108)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, void*, ushort, ushort, void> wr_send_tso;
    [FieldOffset(0x120)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, void*, nuint, void> wr_set_inline_data;
    [FieldOffset(0x128)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, nuint, ibv_data_buf*, void> wr_set_inline_data_list;
    [FieldOffset(0x130)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, uint, ulong, uint, void> wr_set_sge;
    [FieldOffset(0x138)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, nuint, ibv_sge*, void> wr_set_sge_list;
    [FieldOffset(0x140)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, void> wr_start;
    [FieldOffset(0x148)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, int> wr_complete;
    [FieldOffset(0x150)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp_ex*, void> wr_abort;
}

/// <summary>A work queue: a receive queue without a queue pair, to be put into an indirection table.</summary>
[CStruct("struct ibv_wq", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x98)]
public unsafe struct ibv_wq
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public void* wq_context;
    [FieldOffset(0x10)] public ibv_pd* pd;
    [FieldOffset(0x18)] public ibv_cq* cq;
    [FieldOffset(0x20)] public uint wq_num;
    [FieldOffset(0x24)] public uint handle;
    [FieldOffset(0x28)] public ibv_wq_state state;
    [FieldOffset(0x2C)] public ibv_wq_type wq_type;
    [FieldOffset(0x30)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_wq*, ibv_recv_wr*, ibv_recv_wr**, int> post_recv;

    /// <summary>A pthread_mutex_t, which <c>ibv_create_wq</c> initialises.</summary>
    [FieldOffset(0x38)] public fixed byte mutex[40];

    /// <summary>A pthread_cond_t, which <c>ibv_create_wq</c> initialises.</summary>
    [FieldOffset(0x60)] public fixed byte cond[48];

    [FieldOffset(0x90)] public uint events_completed;
    [FieldOffset(0x94)] public uint comp_mask;
}

/// <summary>A receive-side-scaling table: the hash of a packet selects one of its work queues.</summary>
[CStruct("struct ibv_rwq_ind_table", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public unsafe struct ibv_rwq_ind_table
{
    [FieldOffset(0x00)] public ibv_context* context;
    [FieldOffset(0x08)] public int ind_tbl_handle;
    [FieldOffset(0x0C)] public int ind_tbl_num;
    [FieldOffset(0x10)] public uint comp_mask;
}

/// <summary>A steering rule of the NIC.</summary>
[CStruct("struct ibv_flow", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public unsafe struct ibv_flow
{
    [FieldOffset(0x00)] public uint comp_mask;
    [FieldOffset(0x08)] public ibv_context* context;
    [FieldOffset(0x10)] public uint handle;
}
