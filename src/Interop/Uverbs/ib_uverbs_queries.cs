using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop.Uverbs;

[CStruct("struct ib_uverbs_query_device", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_query_device
{
    public ulong response;
}

[CStruct("struct ib_uverbs_ex_query_device", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_query_device
{
    public uint comp_mask;
    public uint reserved;
}

/// <summary>Answer of QUERY_DEVICE.</summary>
[CStruct("struct ib_uverbs_query_device_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_query_device_resp
{
    public ulong fw_ver;
    public Be64 node_guid;
    public Be64 sys_image_guid;
    public ulong max_mr_size;
    public ulong page_size_cap;
    public uint vendor_id;
    public uint vendor_part_id;
    public uint hw_ver;
    public uint max_qp;
    public uint max_qp_wr;
    public uint device_cap_flags;
    public uint max_sge;
    public uint max_sge_rd;
    public uint max_cq;
    public uint max_cqe;
    public uint max_mr;
    public uint max_pd;
    public uint max_qp_rd_atom;
    public uint max_ee_rd_atom;
    public uint max_res_rd_atom;
    public uint max_qp_init_rd_atom;
    public uint max_ee_init_rd_atom;
    public uint atomic_cap;
    public uint max_ee;
    public uint max_rdd;
    public uint max_mw;
    public uint max_raw_ipv6_qp;
    public uint max_raw_ethy_qp;
    public uint max_mcast_grp;
    public uint max_mcast_qp_attach;
    public uint max_total_mcast_qp_attach;
    public uint max_ah;
    public uint max_fmr;
    public uint max_map_per_fmr;
    public uint max_srq;
    public uint max_srq_wr;
    public uint max_srq_sge;
    public ushort max_pkeys;
    public byte local_ca_ack_delay;
    public byte phys_port_cnt;
    public fixed byte reserved[4];
}

[CStruct("struct ib_uverbs_odp_caps", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_odp_caps
{
    public ulong general_caps;

    [CField("per_transport_caps.rc_odp_caps")]
    public uint rc_odp_caps;

    [CField("per_transport_caps.uc_odp_caps")]
    public uint uc_odp_caps;

    [CField("per_transport_caps.ud_odp_caps")]
    public uint ud_odp_caps;
    public uint reserved;
}

[CStruct("struct ib_uverbs_rss_caps", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_rss_caps
{
    public uint supported_qpts;
    public uint max_rwq_indirection_tables;
    public uint max_rwq_indirection_table_size;
    public uint reserved;
}

[CStruct("struct ib_uverbs_tm_caps", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_tm_caps
{
    public uint max_rndv_hdr_size;
    public uint max_num_tags;
    public uint flags;
    public uint max_ops;
    public uint max_sge;
    public uint reserved;
}

[CStruct("struct ib_uverbs_cq_moderation_caps", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_cq_moderation_caps
{
    public ushort max_cq_moderation_count;
    public ushort max_cq_moderation_period;
    public uint reserved;
}

/// <summary>Answer of the extended QUERY_DEVICE.</summary>
[CStruct("struct ib_uverbs_ex_query_device_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_ex_query_device_resp
{
    public ib_uverbs_query_device_resp @base;
    public uint comp_mask;
    public uint response_length;
    public ib_uverbs_odp_caps odp_caps;
    public ulong timestamp_mask;
    public ulong hca_core_clock;
    public ulong device_cap_flags_ex;
    public ib_uverbs_rss_caps rss_caps;
    public uint max_wq_type_rq;
    public uint raw_packet_caps;
    public ib_uverbs_tm_caps tm_caps;
    public ib_uverbs_cq_moderation_caps cq_moderation_caps;
    public ulong max_dm_size;
    public uint xrc_odp_caps;
    public uint reserved;
}

/// <summary>A port, in the older form.</summary>
[CStruct("struct ib_uverbs_query_port_resp", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_query_port_resp
{
    public uint port_cap_flags;
    public uint max_msg_sz;
    public uint bad_pkey_cntr;
    public uint qkey_viol_cntr;
    public uint gid_tbl_len;
    public ushort pkey_tbl_len;
    public ushort lid;
    public ushort sm_lid;
    public byte state;
    public byte max_mtu;
    public byte active_mtu;
    public byte lmc;
    public byte max_vl_num;
    public byte sm_sl;
    public byte subnet_timeout;
    public byte init_type_reply;
    public byte active_width;
    public byte active_speed;
    public byte phys_state;
    public byte link_layer;
    public byte flags;
    public byte reserved;
}

/// <summary>Answer of QUERY_PORT.</summary>
[CStruct("struct ib_uverbs_query_port_resp_ex", "rdma/ib_user_ioctl_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_query_port_resp_ex
{
    public ib_uverbs_query_port_resp legacy_resp;
    public ushort port_cap_flags2;
    public fixed byte reserved[6];
}

/// <summary>An entry of the GID table.</summary>
[CStruct("struct ib_uverbs_gid_entry", "rdma/ib_user_ioctl_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_gid_entry
{
    [CField("gid[0]")]
    public Be64 gid_prefix;

    [CField("gid[1]")]
    public Be64 gid_interface;
    public uint gid_index;
    public uint port_num;
    public uint gid_type;

    /// <summary>Index of the netdev, or 0.</summary>
    public uint netdev_ifindex;
}

[Flags]
[CConstants("rdma/ib_user_verbs.h")]
public enum ib_uverbs_device_cap_flags : uint
{
    IB_UVERBS_DEVICE_BAD_PKEY_CNTR = 1 << 1,
    IB_UVERBS_DEVICE_BAD_QKEY_CNTR = 1 << 2,
    IB_UVERBS_DEVICE_PORT_ACTIVE_EVENT = 1 << 10,
    IB_UVERBS_DEVICE_SYS_IMAGE_GUID = 1 << 11,
    IB_UVERBS_DEVICE_RAW_IP_CSUM = 1 << 26,
    IB_UVERBS_DEVICE_MANAGED_FLOW_STEERING = 1 << 29,
}

[CConstants("rdma/ib_user_verbs.h", "rdma/ib_user_ioctl_verbs.h")]
public static class Capabilities
{
    public const ulong IB_UVERBS_DEVICE_RAW_SCATTER_FCS = 1UL << 34;
    public const ulong IB_UVERBS_DEVICE_PCI_WRITE_END_PADDING = 1UL << 36;
    public const uint IB_UVERBS_RAW_PACKET_CAP_CVLAN_STRIPPING = 1 << 0;
    public const uint IB_UVERBS_RAW_PACKET_CAP_SCATTER_FCS = 1 << 1;
    public const uint IB_UVERBS_RAW_PACKET_CAP_IP_CSUM = 1 << 2;
    public const byte IB_UVERBS_QPF_GRH_REQUIRED = 1 << 0;
    public const ulong IB_UVERBS_CORE_SUPPORT_OPTIONAL_MR_ACCESS = 1;
    public const uint IB_UVERBS_GID_TYPE_ROCE_V1 = 1;
    public const uint IB_UVERBS_GID_TYPE_ROCE_V2 = 2;
    public const uint IB_UVERBS_QPT_RAW_PACKET = 8;
    public const uint IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION = 1;
    public const uint IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN = 2;
    public const uint IB_UVERBS_QP_CREATE_BLOCK_MULTICAST_LOOPBACK = 2;
    public const uint IB_UVERBS_QP_CREATE_SCATTER_FCS = 1 << 8;
    public const uint IB_UVERBS_QP_CREATE_CVLAN_STRIPPING = 1 << 9;
    public const uint IB_UVERBS_QP_CREATE_PCI_WRITE_END_PADDING = 1 << 11;
    public const uint IB_UVERBS_QP_CREATE_SQ_SIG_ALL = 1 << 12;
    public const uint IB_UVERBS_WQ_FLAGS_CVLAN_STRIPPING = 1 << 0;
    public const uint IB_UVERBS_WQ_FLAGS_SCATTER_FCS = 1 << 1;
    public const uint IB_UVERBS_WQ_FLAGS_PCI_WRITE_END_PADDING = 1 << 3;
    public const uint IB_UVERBS_ACCESS_LOCAL_WRITE = 1;
    public const uint IB_UVERBS_ACCESS_REMOTE_WRITE = 2;
    public const uint IB_UVERBS_ACCESS_REMOTE_READ = 4;
    public const uint IB_UVERBS_ACCESS_REMOTE_ATOMIC = 8;
    public const uint IB_UVERBS_ACCESS_ON_DEMAND = 64;
    public const uint IB_UVERBS_ACCESS_HUGETLB = 128;
    public const uint IB_UVERBS_ACCESS_OPTIONAL_RANGE = 0x3FF0_0000;
}
