using System.Runtime.InteropServices;

namespace Verbena.Interop.Verbs;

/// <summary>An RDMA device of the list, not opened yet. The strings end with a NUL.</summary>
[CStruct("struct ibv_device", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x298)]
public unsafe struct ibv_device
{
    [FieldOffset(0x10)] public ibv_node_type node_type;
    [FieldOffset(0x14)] public ibv_transport_type transport_type;

    /// <summary>The kernel's RDMA device, such as <c>mlx5_0</c>.</summary>
    [FieldOffset(0x18)] public fixed byte name[64];

    /// <summary>The uverbs device, such as <c>uverbs0</c>.</summary>
    [FieldOffset(0x58)] public fixed byte dev_name[64];

    [FieldOffset(0x98)] public fixed byte dev_path[256];
    [FieldOffset(0x198)] public fixed byte ibdev_path[256];
}

/// <summary>The table through which verbs.h calls the verbs that are as old as the library.</summary>
[CStruct("struct ibv_context_ops", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x100)]
public unsafe struct ibv_context_ops
{
    /// <remarks>Called once a batch from a worker that must not be suspended: no GC transition, so it must not block.</remarks>
    [FieldOffset(0x58)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_cq*, int, ibv_wc*, int> poll_cq;
    [FieldOffset(0x60)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_cq*, int, int> req_notify_cq;
    [FieldOffset(0xC8)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp*, ibv_send_wr*, ibv_send_wr**, int> post_send;
    [FieldOffset(0xD0)] public delegate* unmanaged[Cdecl, SuppressGCTransition]<ibv_qp*, ibv_recv_wr*, ibv_recv_wr**, int> post_recv;
}

/// <summary>An open device. The library makes and frees it.</summary>
[CStruct("struct ibv_context", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x148)]
public unsafe struct ibv_context
{
    [FieldOffset(0x00)] public ibv_device* device;
    [FieldOffset(0x08)] public ibv_context_ops ops;
    [FieldOffset(0x108)] public int cmd_fd;
    [FieldOffset(0x10C)] public int async_fd;
    [FieldOffset(0x110)] public int num_comp_vectors;

    /// <summary>All ones if a <see cref="verbs_context"/> surrounds this one.</summary>
    [FieldOffset(0x140)] public void* abi_compat;
}

/// <summary>What libraries of today put around an <see cref="ibv_context"/>. It grows at its front; <see cref="sz"/> tells how far.</summary>
[CStruct("struct verbs_context", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x288)]
public unsafe struct verbs_context
{
    [FieldOffset(0x00)] public delegate* unmanaged[Cdecl]<ibv_context*, byte, ibv_port_attr*, nuint, int> query_port;
    [FieldOffset(0x98)] public delegate* unmanaged[Cdecl]<ibv_rwq_ind_table*, int> destroy_rwq_ind_table;
    [FieldOffset(0xA0)] public delegate* unmanaged[Cdecl]<ibv_context*, ibv_rwq_ind_table_init_attr*, ibv_rwq_ind_table*> create_rwq_ind_table;
    [FieldOffset(0xA8)] public delegate* unmanaged[Cdecl]<ibv_wq*, int> destroy_wq;
    [FieldOffset(0xB0)] public delegate* unmanaged[Cdecl]<ibv_wq*, ibv_wq_attr*, int> modify_wq;
    [FieldOffset(0xB8)] public delegate* unmanaged[Cdecl]<ibv_context*, ibv_wq_init_attr*, ibv_wq*> create_wq;
    [FieldOffset(0xD8)] public delegate* unmanaged[Cdecl]<ibv_context*, void*, ibv_device_attr_ex*, nuint, int> query_device_ex;
    [FieldOffset(0xE0)] public delegate* unmanaged[Cdecl]<ibv_flow*, int> ibv_destroy_flow;
    [FieldOffset(0xF0)] public delegate* unmanaged[Cdecl]<ibv_qp*, ibv_flow_attr*, ibv_flow*> ibv_create_flow;
    [FieldOffset(0x108)] public delegate* unmanaged[Cdecl]<ibv_context*, ibv_qp_init_attr_ex*, ibv_qp*> create_qp_ex;
    [FieldOffset(0x138)] public nuint sz;
    [FieldOffset(0x140)] public ibv_context context;
}

/// <summary>Something that happened to a device. The element that is set depends on the type.</summary>
[CStruct("struct ibv_async_event", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public unsafe struct ibv_async_event
{
    [FieldOffset(0x00), CField("element.cq")] public ibv_cq* cq;
    [FieldOffset(0x00), CField("element.qp")] public ibv_qp* qp;
    [FieldOffset(0x00), CField("element.wq")] public ibv_wq* wq;
    [FieldOffset(0x00), CField("element.port_num")] public int port_num;
    [FieldOffset(0x08)] public ibv_event_type event_type;
}
