using System.Runtime.InteropServices;

namespace Verbena.Interop.Uverbs;

/// <summary>Commands of the older form, carried by INVOKE_WRITE; the extended ones have bit 31 set.</summary>
[CConstants("rdma/ib_user_verbs.h")]
public static class WriteCommands
{
    public const uint IB_USER_VERBS_CMD_FLAG_EXTENDED = 0x8000_0000;
    public const uint IB_USER_VERBS_CMD_GET_CONTEXT = 0;
    public const uint IB_USER_VERBS_CMD_QUERY_DEVICE = 1;
    public const uint IB_USER_VERBS_CMD_ALLOC_PD = 3;
    public const uint IB_USER_VERBS_CMD_REG_MR = 9;
    public const uint IB_USER_VERBS_CMD_REREG_MR = 11;
    public const uint IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL = 17;
    public const uint IB_USER_VERBS_CMD_RESIZE_CQ = 19;
    public const uint IB_USER_VERBS_CMD_QUERY_QP = 25;
    public const uint IB_USER_VERBS_CMD_MODIFY_QP = 26;
    public const uint IB_USER_VERBS_EX_CMD_QUERY_DEVICE = 1;
    public const uint IB_USER_VERBS_EX_CMD_MODIFY_QP = 26;
    public const uint IB_USER_VERBS_CMD_ATTACH_MCAST = 30;
    public const uint IB_USER_VERBS_CMD_DETACH_MCAST = 31;
    public const uint IB_USER_VERBS_EX_CMD_CREATE_FLOW = 50;
    public const uint IB_USER_VERBS_EX_CMD_MODIFY_WQ = 53;
    public const uint IB_USER_VERBS_EX_CMD_CREATE_RWQ_IND_TBL = 55;
    public const uint IB_USER_VERBS_EX_CMD_MODIFY_CQ = 57;
}

[CStruct("struct ib_uverbs_alloc_pd", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_alloc_pd
{
    public ulong response;
}

[CStruct("struct ib_uverbs_alloc_pd_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_alloc_pd_resp
{
    public uint pd_handle;
}

/// <summary>Registers memory; its first field is unused, as in all commands of the older form.</summary>
[CStruct("struct ib_uverbs_reg_mr", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_reg_mr
{
    public ulong response;
    public ulong start;
    public ulong length;
    public ulong hca_va;
    public uint pd_handle;
    public uint access_flags;
}

[CStruct("struct ib_uverbs_reg_mr_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_reg_mr_resp
{
    public uint mr_handle;
    public uint lkey;
    public uint rkey;
}

[CStruct("struct ib_uverbs_sge", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_sge
{
    public ulong addr;
    public uint length;
    public uint lkey;
}

/// <summary>Changes what a region is; only the parts that flags name (IBV_REREG_MR_*).</summary>
[CStruct("struct ib_uverbs_rereg_mr", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_rereg_mr
{
    public ulong response;
    public uint mr_handle;
    public uint flags;
    public ulong start;
    public ulong length;
    public ulong hca_va;
    public uint pd_handle;
    public uint access_flags;
}

[CStruct("struct ib_uverbs_rereg_mr_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_rereg_mr_resp
{
    public uint lkey;
    public uint rkey;
}

[CStruct("struct ib_uverbs_create_comp_channel", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_create_comp_channel
{
    public ulong response;
}

[CStruct("struct ib_uverbs_create_comp_channel_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_create_comp_channel_resp
{
    public uint fd;
}

/// <summary>How many events of the queue the program has read, which libibverbs waits to see acknowledged.</summary>
[CStruct("struct ib_uverbs_destroy_cq_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_destroy_cq_resp
{
    public uint comp_events_reported;
    public uint async_events_reported;
}

[CStruct("struct ib_uverbs_destroy_qp_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_destroy_qp_resp
{
    public uint events_reported;
}

[CStruct("struct ib_uverbs_resize_cq", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_resize_cq
{
    public ulong response;
    public uint cq_handle;
    public uint cqe;
}

[CStruct("struct ib_uverbs_resize_cq_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_resize_cq_resp
{
    public uint cqe;
    public uint reserved;
}

[CStruct("struct ib_uverbs_ex_modify_cq", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_modify_cq
{
    public uint cq_handle;
    public uint attr_mask;
    public ib_uverbs_cq_moderation attr;
    public uint reserved;
}

[CStruct("struct ib_uverbs_qp_dest", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_qp_dest
{
    public fixed byte dgid[16];
    public uint flow_label;
    public ushort dlid;
    public ushort reserved;
    public byte sgid_index;
    public byte hop_limit;
    public byte traffic_class;
    public byte sl;
    public byte src_path_bits;
    public byte static_rate;
    public byte is_global;
    public byte port_num;
}

[CStruct("struct ib_uverbs_query_qp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_query_qp
{
    public ulong response;
    public uint qp_handle;
    public uint attr_mask;
}

[CStruct("struct ib_uverbs_query_qp_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_query_qp_resp
{
    public ib_uverbs_qp_dest dest;
    public ib_uverbs_qp_dest alt_dest;
    public uint max_send_wr;
    public uint max_recv_wr;
    public uint max_send_sge;
    public uint max_recv_sge;
    public uint max_inline_data;
    public uint qkey;
    public uint rq_psn;
    public uint sq_psn;
    public uint dest_qp_num;
    public uint qp_access_flags;
    public ushort pkey_index;
    public ushort alt_pkey_index;
    public byte qp_state;
    public byte cur_qp_state;
    public byte path_mtu;
    public byte path_mig_state;
    public byte sq_draining;
    public byte max_rd_atomic;
    public byte max_dest_rd_atomic;
    public byte min_rnr_timer;
    public byte port_num;
    public byte timeout;
    public byte retry_cnt;
    public byte rnr_retry;
    public byte alt_port_num;
    public byte alt_timeout;
    public byte sq_sig_all;
    public fixed byte reserved[5];
}

[CStruct("struct ib_uverbs_modify_qp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_modify_qp
{
    public ib_uverbs_qp_dest dest;
    public ib_uverbs_qp_dest alt_dest;
    public uint qp_handle;
    public uint attr_mask;
    public uint qkey;
    public uint rq_psn;
    public uint sq_psn;
    public uint dest_qp_num;
    public uint qp_access_flags;
    public ushort pkey_index;
    public ushort alt_pkey_index;
    public byte qp_state;
    public byte cur_qp_state;
    public byte path_mtu;
    public byte path_mig_state;
    public byte en_sqd_async_notify;
    public byte max_rd_atomic;
    public byte max_dest_rd_atomic;
    public byte min_rnr_timer;
    public byte port_num;
    public byte timeout;
    public byte retry_cnt;
    public byte rnr_retry;
    public byte alt_port_num;
    public byte alt_timeout;
    public fixed byte reserved[2];
}

[CStruct("struct ib_uverbs_ex_modify_qp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_modify_qp
{
    public ib_uverbs_modify_qp @base;
    public uint rate_limit;
    public uint reserved;
}

[CStruct("struct ib_uverbs_ex_modify_qp_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_modify_qp_resp
{
    public uint comp_mask;
    public uint response_length;
}

[CStruct("struct ib_uverbs_ex_modify_wq", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_modify_wq
{
    public uint attr_mask;
    public uint wq_handle;
    public uint wq_state;
    public uint curr_wq_state;
    public uint flags;
    public uint flags_mask;
}

/// <summary>The handles of the work queues follow.</summary>
[CStruct("struct ib_uverbs_ex_create_rwq_ind_table", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_create_rwq_ind_table
{
    public uint comp_mask;
    public uint log_ind_tbl_size;
}

[CStruct("struct ib_uverbs_ex_create_rwq_ind_table_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_create_rwq_ind_table_resp
{
    public uint comp_mask;
    public uint response_length;
    public uint ind_tbl_handle;
    public uint ind_tbl_num;
}

[CStruct("struct ib_uverbs_attach_mcast", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_attach_mcast
{
    public fixed byte gid[16];
    public uint qp_handle;
    public ushort mlid;
    public ushort reserved;
}

[CStruct("struct ib_uverbs_create_flow", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_create_flow
{
    public uint comp_mask;
    public uint qp_handle;
    public ib_uverbs_flow_attr flow_attr;
}

[CStruct("struct ib_uverbs_create_flow_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_create_flow_resp
{
    public uint comp_mask;
    public uint flow_handle;
}

/// <summary>num_of_specs specifications follow.</summary>
[CStruct("struct ib_uverbs_flow_attr", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_flow_attr
{
    public uint type;
    public ushort size;
    public ushort priority;
    public byte num_of_specs;
    public fixed byte reserved[2];
    public byte port;
    public uint flags;
}

[CStruct("struct ib_uverbs_cq_moderation", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_cq_moderation
{
    public ushort cq_count;
    public ushort cq_period;
}

/// <summary>What a read of the asynchronous-event descriptor returns.</summary>
[CStruct("struct ib_uverbs_async_event_desc", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_async_event_desc
{
    public ulong element;
    public uint event_type;
    public uint reserved;
}

/// <summary>What a read of a completion channel returns.</summary>
[CStruct("struct ib_uverbs_comp_event_desc", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_comp_event_desc
{
    public ulong cq_handle;
}

/// <summary>Capacity of a queue pair: asked for, and granted.</summary>
[CStruct("struct ib_uverbs_qp_cap", "rdma/ib_user_ioctl_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_qp_cap
{
    public uint max_send_wr;
    public uint max_recv_wr;
    public uint max_send_sge;
    public uint max_recv_sge;
    public uint max_inline_data;
}
