using System.Runtime.InteropServices;

namespace Verbena.Interop.Uverbs;

/// <summary>What <c>ioctl(fd, RDMA_VERBS_IOCTL, …)</c> points to; <see cref="num_attrs"/> attributes follow it.</summary>
[CStruct("struct ib_uverbs_ioctl_hdr", "rdma/rdma_user_ioctl_cmds.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ioctl_hdr
{
    /// <summary>Length of header and attributes, in bytes.</summary>
    public ushort length;
    public ushort object_id;
    public ushort method_id;
    public ushort num_attrs;
    public ulong reserved1;
    public uint driver_id;
    public uint reserved2;
}

/// <summary>One argument of a command. Up to 8 bytes of input stand in <see cref="data"/> itself, longer ones where it points.</summary>
[CStruct("struct ib_uverbs_attr", "rdma/rdma_user_ioctl_cmds.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_attr
{
    public ushort attr_id;

    /// <summary>Length of the input or room for the output, in bytes; 0 for a handle or descriptor.</summary>
    public ushort len;
    public uverbs_attr_flags flags;

    [CField("attr_data.reserved")]
    public ushort enum_data;

    /// <summary>Input, address, handle or descriptor; the kernel writes new handles and descriptors here.</summary>
    public ulong data;
}

[Flags]
[CConstants("rdma/rdma_user_ioctl_cmds.h")]
public enum uverbs_attr_flags : ushort
{
    /// <summary>A kernel that does not know the attribute must refuse the command.</summary>
    UVERBS_ATTR_F_MANDATORY = 1,
    UVERBS_ATTR_F_VALID_OUTPUT = 2,
}

[CConstants("rdma/rdma_user_ioctl_cmds.h", "rdma/ib_user_ioctl_verbs.h")]
public static class Ioctl
{
    public const uint RDMA_VERBS_IOCTL = 0xC018_1B01;
    public const uint RDMA_DRIVER_MLX5 = 1;
}

[CConstants("rdma/ib_user_ioctl_cmds.h")]
public enum uverbs_default_objects : ushort
{
    UVERBS_OBJECT_DEVICE = 0,
    UVERBS_OBJECT_PD = 1,
    UVERBS_OBJECT_COMP_CHANNEL = 2,
    UVERBS_OBJECT_CQ = 3,
    UVERBS_OBJECT_QP = 4,
    UVERBS_OBJECT_MR = 7,
    UVERBS_OBJECT_FLOW = 9,
    UVERBS_OBJECT_RWQ_IND_TBL = 11,
    UVERBS_OBJECT_WQ = 12,
    UVERBS_OBJECT_ASYNC_EVENT = 16,
}

[CConstants("rdma/mlx5_user_ioctl_cmds.h")]
public enum mlx5_ib_objects : ushort
{
    MLX5_IB_OBJECT_DEVX = 0x1000,
    MLX5_IB_OBJECT_FLOW_MATCHER = 0x1003,
    MLX5_IB_OBJECT_UAR = 0x1008,
}

[CConstants("rdma/ib_user_ioctl_cmds.h", "rdma/mlx5_user_ioctl_cmds.h")]
public static class Methods
{
    public const ushort UVERBS_METHOD_INVOKE_WRITE = 0;
    public const ushort UVERBS_METHOD_QUERY_PORT = 2;
    public const ushort UVERBS_METHOD_GET_CONTEXT = 3;
    public const ushort UVERBS_METHOD_QUERY_CONTEXT = 4;
    public const ushort UVERBS_METHOD_QUERY_GID_TABLE = 5;
    public const ushort UVERBS_METHOD_QUERY_GID_ENTRY = 6;
    public const ushort UVERBS_METHOD_PD_DESTROY = 0;
    public const ushort MLX5_IB_METHOD_PD_QUERY = 0x1000;
    public const ushort UVERBS_METHOD_CQ_CREATE = 0;
    public const ushort UVERBS_METHOD_CQ_DESTROY = 1;
    public const ushort UVERBS_METHOD_QP_CREATE = 0;
    public const ushort UVERBS_METHOD_QP_DESTROY = 1;
    public const ushort UVERBS_METHOD_MR_DESTROY = 1;
    public const ushort UVERBS_METHOD_ADVISE_MR = 2;
    public const ushort UVERBS_METHOD_QUERY_MR = 3;
    public const ushort UVERBS_METHOD_FLOW_DESTROY = 0;
    public const ushort MLX5_IB_METHOD_CREATE_FLOW = 0x1000;
    public const ushort MLX5_IB_METHOD_DESTROY_FLOW = 0x1001;
    public const ushort MLX5_IB_METHOD_FLOW_MATCHER_CREATE = 0x1000;
    public const ushort MLX5_IB_METHOD_FLOW_MATCHER_DESTROY = 0x1001;
    public const ushort UVERBS_METHOD_RWQ_IND_TBL_DESTROY = 0;
    public const ushort UVERBS_METHOD_WQ_CREATE = 0;
    public const ushort UVERBS_METHOD_WQ_DESTROY = 1;
    public const ushort UVERBS_METHOD_ASYNC_EVENT_ALLOC = 0;
    public const ushort MLX5_IB_METHOD_UAR_OBJ_ALLOC = 0x1000;
    public const ushort MLX5_IB_METHOD_UAR_OBJ_DESTROY = 0x1001;
}

/// <summary>Attribute numbers, each set counted from 0 for its method.</summary>
[CConstants("rdma/ib_user_ioctl_cmds.h", "rdma/mlx5_user_ioctl_cmds.h")]
public static class Attributes
{
    public const ushort UVERBS_ATTR_UHW_IN = 0x1000;
    public const ushort UVERBS_ATTR_UHW_OUT = 0x1001;

    public const ushort UVERBS_ATTR_CORE_IN = 0;
    public const ushort UVERBS_ATTR_CORE_OUT = 1;
    public const ushort UVERBS_ATTR_WRITE_CMD = 2;

    public const ushort UVERBS_ATTR_QUERY_PORT_PORT_NUM = 0;
    public const ushort UVERBS_ATTR_QUERY_PORT_RESP = 1;

    public const ushort UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS = 0;
    public const ushort UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT = 1;

    public const ushort UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS = 0;
    public const ushort UVERBS_ATTR_QUERY_CONTEXT_CORE_SUPPORT = 1;
    public const ushort MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX = 0x1000;

    public const ushort UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE = 0;
    public const ushort UVERBS_ATTR_QUERY_GID_TABLE_FLAGS = 1;
    public const ushort UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES = 2;
    public const ushort UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES = 3;

    public const ushort UVERBS_ATTR_QUERY_GID_ENTRY_PORT = 0;
    public const ushort UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX = 1;
    public const ushort UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS = 2;
    public const ushort UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY = 3;

    public const ushort UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE = 0;

    public const ushort UVERBS_ATTR_DESTROY_PD_HANDLE = 0;

    public const ushort MLX5_IB_ATTR_QUERY_PD_HANDLE = 0x1000;
    public const ushort MLX5_IB_ATTR_QUERY_PD_RESP_PDN = 0x1001;
    public const ushort UVERBS_ATTR_DESTROY_MR_HANDLE = 0;
    public const ushort UVERBS_ATTR_DESTROY_FLOW_HANDLE = 0;
    public const ushort UVERBS_ATTR_DESTROY_RWQ_IND_TBL_HANDLE = 0;

    public const ushort UVERBS_ATTR_ADVISE_MR_PD_HANDLE = 0;
    public const ushort UVERBS_ATTR_ADVISE_MR_ADVICE = 1;
    public const ushort UVERBS_ATTR_ADVISE_MR_FLAGS = 2;
    public const ushort UVERBS_ATTR_ADVISE_MR_SGE_LIST = 3;

    public const ushort UVERBS_ATTR_QUERY_MR_HANDLE = 0;
    public const ushort UVERBS_ATTR_QUERY_MR_RESP_LKEY = 1;
    public const ushort UVERBS_ATTR_QUERY_MR_RESP_RKEY = 2;
    public const ushort UVERBS_ATTR_QUERY_MR_RESP_LENGTH = 3;
    public const ushort UVERBS_ATTR_QUERY_MR_RESP_IOVA = 4;

    public const ushort UVERBS_ATTR_CREATE_CQ_HANDLE = 0;
    public const ushort UVERBS_ATTR_CREATE_CQ_CQE = 1;
    public const ushort UVERBS_ATTR_CREATE_CQ_USER_HANDLE = 2;
    public const ushort UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL = 3;
    public const ushort UVERBS_ATTR_CREATE_CQ_COMP_VECTOR = 4;
    public const ushort UVERBS_ATTR_CREATE_CQ_FLAGS = 5;
    public const ushort UVERBS_ATTR_CREATE_CQ_RESP_CQE = 6;
    public const ushort UVERBS_ATTR_CREATE_CQ_EVENT_FD = 7;

    public const ushort UVERBS_ATTR_DESTROY_CQ_HANDLE = 0;
    public const ushort UVERBS_ATTR_DESTROY_CQ_RESP = 1;

    public const ushort UVERBS_ATTR_CREATE_QP_HANDLE = 0;
    public const ushort UVERBS_ATTR_CREATE_QP_PD_HANDLE = 2;
    public const ushort UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE = 4;
    public const ushort UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE = 5;
    public const ushort UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE = 6;
    public const ushort UVERBS_ATTR_CREATE_QP_USER_HANDLE = 7;
    public const ushort UVERBS_ATTR_CREATE_QP_CAP = 8;
    public const ushort UVERBS_ATTR_CREATE_QP_TYPE = 9;
    public const ushort UVERBS_ATTR_CREATE_QP_FLAGS = 10;
    public const ushort UVERBS_ATTR_CREATE_QP_EVENT_FD = 12;
    public const ushort UVERBS_ATTR_CREATE_QP_RESP_CAP = 13;
    public const ushort UVERBS_ATTR_CREATE_QP_RESP_QP_NUM = 14;

    public const ushort UVERBS_ATTR_DESTROY_QP_HANDLE = 0;
    public const ushort UVERBS_ATTR_DESTROY_QP_RESP = 1;

    public const ushort UVERBS_ATTR_CREATE_WQ_HANDLE = 0;
    public const ushort UVERBS_ATTR_CREATE_WQ_PD_HANDLE = 1;
    public const ushort UVERBS_ATTR_CREATE_WQ_CQ_HANDLE = 2;
    public const ushort UVERBS_ATTR_CREATE_WQ_USER_HANDLE = 3;
    public const ushort UVERBS_ATTR_CREATE_WQ_TYPE = 4;
    public const ushort UVERBS_ATTR_CREATE_WQ_EVENT_FD = 5;
    public const ushort UVERBS_ATTR_CREATE_WQ_MAX_WR = 6;
    public const ushort UVERBS_ATTR_CREATE_WQ_MAX_SGE = 7;
    public const ushort UVERBS_ATTR_CREATE_WQ_FLAGS = 8;
    public const ushort UVERBS_ATTR_CREATE_WQ_RESP_MAX_WR = 9;
    public const ushort UVERBS_ATTR_CREATE_WQ_RESP_MAX_SGE = 10;
    public const ushort UVERBS_ATTR_CREATE_WQ_RESP_WQ_NUM = 11;

    public const ushort UVERBS_ATTR_DESTROY_WQ_HANDLE = 0;
    public const ushort UVERBS_ATTR_DESTROY_WQ_RESP = 1;

    public const ushort MLX5_IB_ATTR_CREATE_FLOW_HANDLE = 0x1000;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE = 0x1001;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_DEST_QP = 0x1002;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_DEST_DEVX = 0x1003;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_MATCHER = 0x1004;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_ARR_FLOW_ACTIONS = 0x1005;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_TAG = 0x1006;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX = 0x1007;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX_OFFSET = 0x1008;
    public const ushort MLX5_IB_ATTR_CREATE_FLOW_FLAGS = 0x1009;

    public const ushort MLX5_IB_ATTR_DESTROY_FLOW_HANDLE = 0x1000;

    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_CREATE_HANDLE = 0x1000;
    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK = 0x1001;
    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE = 0x1002;
    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_MATCH_CRITERIA = 0x1003;
    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS = 0x1004;
    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE = 0x1005;

    public const ushort MLX5_IB_ATTR_FLOW_MATCHER_DESTROY_HANDLE = 0x1000;

    public const ushort MLX5_IB_ATTR_UAR_OBJ_ALLOC_HANDLE = 0x1000;
    public const ushort MLX5_IB_ATTR_UAR_OBJ_ALLOC_TYPE = 0x1001;
    public const ushort MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_OFFSET = 0x1002;
    public const ushort MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_LENGTH = 0x1003;
    public const ushort MLX5_IB_ATTR_UAR_OBJ_ALLOC_PAGE_ID = 0x1004;

    public const ushort MLX5_IB_ATTR_UAR_OBJ_DESTROY_HANDLE = 0x1000;
}
