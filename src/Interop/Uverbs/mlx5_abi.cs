using System.Runtime.InteropServices;

namespace Verbena.Interop.Uverbs;

[Flags]
[CConstants("rdma/mlx5-abi.h")]
public enum mlx5_ib_qp_flags : uint
{
    MLX5_QP_FLAG_SCATTER_CQE = 1 << 1,
    MLX5_QP_FLAG_TUNNEL_OFFLOADS = 1 << 2,
    MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC = 1 << 6,
    MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC = 1 << 7,
    MLX5_QP_FLAG_UAR_PAGE_INDEX = 1 << 10,
}

[Flags]
[CConstants("rdma/mlx5_user_ioctl_cmds.h", "rdma/mlx5_user_ioctl_verbs.h")]
public enum mlx5_ib_create_flow_flags : uint
{
    MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DEFAULT_MISS = 1 << 0,
    MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP = 1 << 1,
}

[CConstants("rdma/mlx5_user_ioctl_cmds.h")]
public enum mlx5_ib_flow_type : byte
{
    MLX5_IB_FLOW_TYPE_NORMAL,
    MLX5_IB_FLOW_TYPE_SNIFFER,
    MLX5_IB_FLOW_TYPE_ALL_DEFAULT,
    MLX5_IB_FLOW_TYPE_MC_DEFAULT,
}

[CConstants("rdma/mlx5_user_ioctl_verbs.h")]
public enum mlx5_ib_uapi_flow_table_type : uint
{
    MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_RX,
    MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_TX,
    MLX5_IB_UAPI_FLOW_TABLE_TYPE_FDB,
    MLX5_IB_UAPI_FLOW_TABLE_TYPE_RDMA_RX,
    MLX5_IB_UAPI_FLOW_TABLE_TYPE_RDMA_TX,
}

[CConstants("rdma/mlx5-abi.h")]
public static class Mlx5Abi
{
    public const ulong MLX5_LIB_CAP_4K_UAR = 1;
    public const ulong MLX5_LIB_CAP_DYN_UAR = 2;
    public const uint MLX5_IB_ALLOC_UCTX_DEVX = 1;
    public const byte MLX5_USER_CMDS_SUPP_UHW_QUERY_DEVICE = 1;
    public const byte MLX5_USER_CMDS_SUPP_UHW_CREATE_AH = 2;
    public const byte MLX5_USER_INLINE_MODE_NONE = 1;
    public const byte MLX5_USER_INLINE_MODE_L2 = 2;
    public const uint MLX5_IB_ALLOW_MPW = 2;
    public const uint MLX5_IB_SUPPORT_EMPW = 4;
    public const uint MLX5_IB_SW_PARSING = 1;
    public const uint MLX5_IB_SW_PARSING_CSUM = 2;
    public const uint MLX5_IB_SW_PARSING_LSO = 4;
    public const uint MLX5_IB_TUNNELED_OFFLOADS_VXLAN = 1;
    public const uint MLX5_IB_TUNNELED_OFFLOADS_GRE = 2;
    public const uint MLX5_IB_TUNNELED_OFFLOADS_GENEVE = 4;
    public const uint MLX5_IB_CQE_RES_FORMAT_HASH = 1;
    public const uint MLX5_IB_CQE_RES_FORMAT_CSUM = 2;
    public const uint MLX5_IB_CQE_RES_FORMAT_CSUM_STRIDX = 4;
    public const byte MLX5_RX_HASH_FUNC_TOEPLITZ = 1;
    public const uint MLX5_IB_QUERY_DEV_RESP_FLAGS_CQE_128B_COMP = 1;
    public const uint MLX5_IB_QUERY_DEV_RESP_FLAGS_CQE_128B_PAD = 2;
    public const ushort MLX5_IB_CREATE_CQ_FLAGS_CQE_128B_PAD = 1;
    public const ushort MLX5_IB_CREATE_CQ_FLAGS_UAR_PAGE_INDEX = 2;
    public const uint MLX5_IB_CREATE_WQ_STRIDING_RQ = 1;
    public const uint MLX5_IB_ALLOC_UCONTEXT_RESP_MASK_CORE_CLOCK_OFFSET = 1;

    /// <summary>A bit number in clock_info_versions.</summary>
    public const int MLX5_IB_CLOCK_INFO_V1 = 0;
    public const int MLX5_IB_MMAP_CORE_CLOCK = 5;
    public const int MLX5_IB_MMAP_CLOCK_INFO = 7;
    public const int MLX5_IB_MMAP_DEVICE_MEM = 8;
}

[CStruct("struct mlx5_ib_alloc_ucontext_req_v2", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_alloc_ucontext_req_v2
{
    public uint total_num_bfregs;
    public uint num_low_latency_bfregs;
    public uint flags;
    public uint comp_mask;
    public byte max_cqe_version;
    public byte reserved0;
    public ushort reserved1;
    public uint reserved2;
    public ulong lib_caps;
}

[CStruct("struct mlx5_ib_alloc_ucontext_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_alloc_ucontext_resp
{
    public uint qp_tab_size;
    public uint bf_reg_size;
    public uint tot_bfregs;
    public uint cache_line_size;
    public ushort max_sq_desc_sz;
    public ushort max_rq_desc_sz;
    public uint max_send_wqebb;
    public uint max_recv_wr;
    public uint max_srq_recv_wr;
    public ushort num_ports;
    public ushort flow_action_flags;
    public uint comp_mask;
    public uint response_length;
    public byte cqe_version;
    public byte cmds_supp_uhw;
    public byte eth_min_inline;
    public byte clock_info_versions;
    public ulong hca_core_clock_offset;
    public uint log_uar_size;
    public uint num_uars_per_page;
    public uint num_dyn_bfregs;
    public uint dump_fill_mkey;
}

[CStruct("struct mlx5_ib_alloc_pd_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_alloc_pd_resp
{
    public uint pdn;
}

[CStruct("struct mlx5_ib_tso_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_tso_caps
{
    public uint max_tso;
    public uint supported_qpts;
}

[CStruct("struct mlx5_ib_rss_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct mlx5_ib_rss_caps
{
    public ulong rx_hash_fields_mask;
    public byte rx_hash_function;
    public fixed byte reserved[7];
}

[CStruct("struct mlx5_ib_cqe_comp_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_cqe_comp_caps
{
    public uint max_num;
    public uint supported_format;
}

[CStruct("struct mlx5_packet_pacing_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct mlx5_packet_pacing_caps
{
    public uint qp_rate_limit_min;
    public uint qp_rate_limit_max;
    public uint supported_qpts;
    public byte cap_flags;
    public fixed byte reserved[3];
}

[CStruct("struct mlx5_ib_sw_parsing_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_sw_parsing_caps
{
    public uint sw_parsing_offloads;
    public uint supported_qpts;
}

[CStruct("struct mlx5_ib_striding_rq_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_striding_rq_caps
{
    public uint min_single_stride_log_num_of_bytes;
    public uint max_single_stride_log_num_of_bytes;
    public uint min_single_wqe_log_num_of_strides;
    public uint max_single_wqe_log_num_of_strides;
    public uint supported_qpts;
    public uint reserved;
}

[CStruct("struct mlx5_ib_dci_streams_caps", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_dci_streams_caps
{
    public byte max_log_num_concurent;
    public byte max_log_num_errored;
}

[CStruct("struct mlx5_ib_query_device_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_query_device_resp
{
    public uint comp_mask;
    public uint response_length;
    public mlx5_ib_tso_caps tso_caps;
    public mlx5_ib_rss_caps rss_caps;
    public mlx5_ib_cqe_comp_caps cqe_comp_caps;
    public mlx5_packet_pacing_caps packet_pacing_caps;
    public uint mlx5_ib_support_multi_pkt_send_wqes;
    public uint flags;
    public mlx5_ib_sw_parsing_caps sw_parsing_caps;
    public mlx5_ib_striding_rq_caps striding_rq_caps;
    public uint tunnel_offloads_caps;
    public mlx5_ib_dci_streams_caps dci_streams_caps;
    public ushort reserved;
}

/// <summary>How a count of the device's clock becomes the time of day. Whoever reads it repeats if <see cref="sign"/> is odd or has changed.</summary>
[CStruct("struct mlx5_ib_clock_info", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_clock_info
{
    public uint sign;
    public uint resv;

    /// <summary>Nanoseconds since 1970 at the count <see cref="cycles"/>.</summary>
    public ulong nsec;
    public ulong cycles;
    public ulong frac;

    /// <summary>Nanoseconds of a cycle, times 2^<see cref="shift"/>.</summary>
    public uint mult;
    public uint shift;
    public ulong mask;

    /// <summary>How long the page may stay as it is, in nanoseconds.</summary>
    public ulong overflow_period;
}

[CStruct("struct mlx5_ib_create_cq", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_cq
{
    public ulong buf_addr;
    public ulong db_addr;
    public uint cqe_size;
    public byte cqe_comp_en;
    public byte cqe_comp_res_format;
    public ushort flags;
    public ushort uar_page_index;
    public ushort reserved0;
    public uint reserved1;
}

[CStruct("struct mlx5_ib_create_cq_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_cq_resp
{
    public uint cqn;
    public uint reserved;
}

[CStruct("struct mlx5_ib_resize_cq", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_resize_cq
{
    public ulong buf_addr;
    public ushort cqe_size;
    public ushort reserved0;
    public uint reserved1;
}

[CStruct("struct mlx5_ib_create_qp_dci_streams", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_qp_dci_streams
{
    public byte log_num_concurent;
    public byte log_num_errored;
}

[CStruct("struct mlx5_ib_create_qp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_qp
{
    public ulong buf_addr;
    public ulong db_addr;
    public uint sq_wqe_count;
    public uint rq_wqe_count;
    public uint rq_wqe_shift;
    public mlx5_ib_qp_flags flags;
    public uint uidx;
    public uint bfreg_index;
    public ulong sq_buf_addr;
    public uint ece_options;
    public mlx5_ib_create_qp_dci_streams dci_streams;
    public ushort reserved;
}

[CStruct("struct mlx5_ib_create_qp_rss", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct mlx5_ib_create_qp_rss
{
    public ulong rx_hash_fields_mask;
    public byte rx_hash_function;
    public byte rx_key_len;
    public fixed byte reserved[6];
    public fixed byte rx_hash_key[128];
    public uint comp_mask;
    public uint flags;
}

[CStruct("struct mlx5_ib_create_qp_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_qp_resp
{
    public uint bfreg_index;
    public uint ece_options;
    public uint comp_mask;
    public uint tirn;
    public uint tisn;
    public uint rqn;
    public uint sqn;
    public uint reserved1;
    public ulong tir_icm_addr;
}

[CStruct("struct mlx5_ib_burst_info", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_burst_info
{
    public uint max_burst_sz;
    public ushort typical_pkt_sz;
    public ushort reserved;
}

[CStruct("struct mlx5_ib_modify_qp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_modify_qp
{
    public uint comp_mask;
    public mlx5_ib_burst_info burst_info;
    public uint ece_options;
}

[CStruct("struct mlx5_ib_modify_qp_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_modify_qp_resp
{
    public uint response_length;
    public uint dctn;
    public uint ece_options;
    public uint reserved;
}

[CStruct("struct mlx5_ib_create_wq", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_wq
{
    public ulong buf_addr;
    public ulong db_addr;
    public uint rq_wqe_count;
    public uint rq_wqe_shift;
    public uint user_index;
    public uint flags;
    public uint comp_mask;
    public uint single_stride_log_num_of_bytes;
    public uint single_wqe_log_num_of_strides;
    public uint two_byte_shift_en;
}

[CStruct("struct mlx5_ib_create_wq_resp", "rdma/mlx5-abi.h")]
[StructLayout(LayoutKind.Sequential)]
public struct mlx5_ib_create_wq_resp
{
    public uint response_length;
    public uint reserved;
}
