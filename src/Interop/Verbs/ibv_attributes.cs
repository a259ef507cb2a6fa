using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop.Verbs;

/// <summary>Sizes of a queue pair: requests, pieces per request, bytes of inlined data.</summary>
[CStruct("struct ibv_qp_cap", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x14)]
public struct ibv_qp_cap
{
    [FieldOffset(0x00)] public uint max_send_wr;
    [FieldOffset(0x04)] public uint max_recv_wr;
    [FieldOffset(0x08)] public uint max_send_sge;
    [FieldOffset(0x0C)] public uint max_recv_sge;
    [FieldOffset(0x10)] public uint max_inline_data;
}

/// <summary>What <c>ibv_create_qp</c> is to make.</summary>
[CStruct("struct ibv_qp_init_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x40)]
public unsafe struct ibv_qp_init_attr
{
    [FieldOffset(0x00)] public void* qp_context;
    [FieldOffset(0x08)] public ibv_cq* send_cq;
    [FieldOffset(0x10)] public ibv_cq* recv_cq;
    [FieldOffset(0x18)] public void* srq;
    [FieldOffset(0x20)] public ibv_qp_cap cap;
    [FieldOffset(0x34)] public ibv_qp_type qp_type;
    [FieldOffset(0x38)] public int sq_sig_all;
}

/// <summary>How a queue pair spreads packets over its indirection table.</summary>
[CStruct("struct ibv_rx_hash_conf", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public unsafe struct ibv_rx_hash_conf
{
    /// <summary>One of <see cref="ibv_rx_hash_function_flags"/>.</summary>
    [FieldOffset(0x00)] public byte rx_hash_function;
    [FieldOffset(0x01)] public byte rx_hash_key_len;
    [FieldOffset(0x08)] public byte* rx_hash_key;
    [FieldOffset(0x10)] public ibv_rx_hash_fields rx_hash_fields_mask;
}

/// <summary>What <c>ibv_create_qp_ex</c> is to make.</summary>
[CStruct("struct ibv_qp_init_attr_ex", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x88)]
public unsafe struct ibv_qp_init_attr_ex
{
    [FieldOffset(0x00)] public void* qp_context;
    [FieldOffset(0x08)] public ibv_cq* send_cq;
    [FieldOffset(0x10)] public ibv_cq* recv_cq;
    [FieldOffset(0x18)] public void* srq;
    [FieldOffset(0x20)] public ibv_qp_cap cap;
    [FieldOffset(0x34)] public ibv_qp_type qp_type;
    [FieldOffset(0x38)] public int sq_sig_all;
    [FieldOffset(0x3C)] public ibv_qp_init_attr_mask comp_mask;
    [FieldOffset(0x40)] public ibv_pd* pd;
    [FieldOffset(0x50)] public uint create_flags;
    [FieldOffset(0x54)] public ushort max_tso_header;
    [FieldOffset(0x58)] public ibv_rwq_ind_table* rwq_ind_tbl;
    [FieldOffset(0x60)] public ibv_rx_hash_conf rx_hash_conf;
    [FieldOffset(0x80)] public ibv_qp_create_send_ops_flags send_ops_flags;
}

/// <summary>What <c>ibv_modify_qp</c> is to change; the mask given with it says which fields count.</summary>
[CStruct("struct ibv_qp_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x90)]
public struct ibv_qp_attr
{
    [FieldOffset(0x00)] public ibv_qp_state qp_state;
    [FieldOffset(0x04)] public ibv_qp_state cur_qp_state;
    [FieldOffset(0x24)] public ibv_qp_cap cap;
    [FieldOffset(0x81)] public byte port_num;

    /// <summary>In kb/s; 0: none.</summary>
    [FieldOffset(0x88)] public uint rate_limit;
}

/// <summary>What a completion queue is to be like.</summary>
[CStruct("struct ibv_cq_init_attr_ex", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x38)]
public unsafe struct ibv_cq_init_attr_ex
{
    [FieldOffset(0x00)] public uint cqe;
    [FieldOffset(0x08)] public void* cq_context;
    [FieldOffset(0x10)] public ibv_comp_channel* channel;
    [FieldOffset(0x18)] public uint comp_vector;
    [FieldOffset(0x20)] public ulong wc_flags;
    [FieldOffset(0x28)] public uint comp_mask;
    [FieldOffset(0x2C)] public uint flags;
}

/// <summary>What <c>ibv_create_wq</c> is to make.</summary>
[CStruct("struct ibv_wq_init_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x30)]
public unsafe struct ibv_wq_init_attr
{
    [FieldOffset(0x00)] public void* wq_context;
    [FieldOffset(0x08)] public ibv_wq_type wq_type;
    [FieldOffset(0x0C)] public uint max_wr;
    [FieldOffset(0x10)] public uint max_sge;
    [FieldOffset(0x18)] public ibv_pd* pd;
    [FieldOffset(0x20)] public ibv_cq* cq;
    [FieldOffset(0x28)] public uint comp_mask;
    [FieldOffset(0x2C)] public uint create_flags;
}

/// <summary>What <c>ibv_modify_wq</c> is to change.</summary>
[CStruct("struct ibv_wq_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x14)]
public struct ibv_wq_attr
{
    [FieldOffset(0x00)] public ibv_wq_attr_mask attr_mask;
    [FieldOffset(0x04)] public ibv_wq_state wq_state;
    [FieldOffset(0x08)] public ibv_wq_state curr_wq_state;
}

/// <summary>What <c>ibv_create_rwq_ind_table</c> is to make: 1 &lt;&lt; log_ind_tbl_size work queues.</summary>
[CStruct("struct ibv_rwq_ind_table_init_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public unsafe struct ibv_rwq_ind_table_init_attr
{
    [FieldOffset(0x00)] public uint log_ind_tbl_size;
    [FieldOffset(0x08)] public ibv_wq** ind_tbl;
    [FieldOffset(0x10)] public uint comp_mask;
}

/// <summary>The head of a steering rule; its specs follow in memory without a gap.</summary>
[CStruct("struct ibv_flow_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x14)]
public struct ibv_flow_attr
{
    [FieldOffset(0x00)] public uint comp_mask;
    [FieldOffset(0x04)] public ibv_flow_attr_type type;

    /// <summary>Bytes of this head and all specs.</summary>
    [FieldOffset(0x08)] public ushort size;

    /// <summary>0 is looked at first.</summary>
    [FieldOffset(0x0A)] public ushort priority;
    [FieldOffset(0x0C)] public byte num_of_specs;
    [FieldOffset(0x0D)] public byte port;
    [FieldOffset(0x10)] public ibv_flow_flags flags;
}

/// <summary>The fields of an Ethernet header that a rule compares, or the mask of the bits to compare. All big-endian.</summary>
[CStruct("struct ibv_flow_eth_filter", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public struct ibv_flow_eth_filter
{
    [FieldOffset(0x00)] public MacAddress dst_mac;
    [FieldOffset(0x06)] public MacAddress src_mac;
    [FieldOffset(0x0C)] public Be16 ether_type;
    [FieldOffset(0x0E)] public Be16 vlan_tag;
}

/// <summary>A spec that matches on the Ethernet header.</summary>
[CStruct("struct ibv_flow_spec_eth", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x28)]
public struct ibv_flow_spec_eth
{
    [FieldOffset(0x00)] public ibv_flow_spec_type type;
    [FieldOffset(0x04)] public ushort size;
    [FieldOffset(0x06)] public ibv_flow_eth_filter val;
    [FieldOffset(0x16)] public ibv_flow_eth_filter mask;
}

/// <summary>An action: completions of the frames that the rule takes tell a number.</summary>
[CStruct("struct ibv_flow_spec_action_tag", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x0C)]
public struct ibv_flow_spec_action_tag
{
    [FieldOffset(0x00)] public ibv_flow_spec_type type;
    [FieldOffset(0x04)] public ushort size;

    /// <summary>24 bits.</summary>
    [FieldOffset(0x08)] public uint tag_id;
}

/// <summary>State of a port.</summary>
[CStruct("struct ibv_port_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x34)]
public struct ibv_port_attr
{
    [FieldOffset(0x00)] public ibv_port_state state;
    [FieldOffset(0x04)] public uint max_mtu;
    [FieldOffset(0x08)] public uint active_mtu;
    [FieldOffset(0x0C)] public int gid_tbl_len;

    /// <summary>A code, not a number of lanes.</summary>
    [FieldOffset(0x2B)] public byte active_width;

    /// <summary>A code, for the speed of one lane.</summary>
    [FieldOffset(0x2C)] public byte active_speed;
    [FieldOffset(0x2D)] public byte phys_state;

    [FieldOffset(0x2E)] public ibv_link_layer link_layer;
    [FieldOffset(0x2F)] public byte flags;
}

/// <summary>What a device is and can do.</summary>
[CStruct("struct ibv_device_attr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0xE8)]
public unsafe struct ibv_device_attr
{
    [FieldOffset(0x00)] public fixed byte fw_ver[64];
    [FieldOffset(0x60)] public uint vendor_id;
    [FieldOffset(0x64)] public uint vendor_part_id;
    [FieldOffset(0x68)] public uint hw_ver;
    [FieldOffset(0x6C)] public int max_qp;
    [FieldOffset(0x70)] public int max_qp_wr;
    [FieldOffset(0x78)] public int max_sge;
    [FieldOffset(0x80)] public int max_cq;
    [FieldOffset(0x84)] public int max_cqe;
    [FieldOffset(0xE3)] public byte phys_port_cnt;
}

/// <summary>What a device can spread over receive queues.</summary>
[CStruct("struct ibv_rss_caps", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x20)]
public struct ibv_rss_caps
{
    [FieldOffset(0x00)] public uint supported_qpts;
    [FieldOffset(0x04)] public uint max_rwq_indirection_tables;
    [FieldOffset(0x08)] public uint max_rwq_indirection_table_size;
    [FieldOffset(0x10)] public ibv_rx_hash_fields rx_hash_fields_mask;
    [FieldOffset(0x18)] public byte rx_hash_function;
}

/// <summary>How much TCP payload a device cuts for its sender.</summary>
[CStruct("struct ibv_tso_caps", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x08)]
public struct ibv_tso_caps
{
    /// <summary>Bytes of payload of one packet.</summary>
    [FieldOffset(0x00)] public uint max_tso;

    /// <summary>A bit for each type of queue pair that can.</summary>
    [FieldOffset(0x04)] public uint supported_qpts;
}

/// <summary>More of what a device can do.</summary>
[CStruct("struct ibv_device_attr_ex", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x190)]
public struct ibv_device_attr_ex
{
    [FieldOffset(0x00)] public ibv_device_attr orig_attr;
    [FieldOffset(0x120)] public ibv_tso_caps tso_caps;
    [FieldOffset(0x128)] public ibv_rss_caps rss_caps;
    [FieldOffset(0x148)] public uint max_wq_type_rq;
    [FieldOffset(0x158)] public uint raw_packet_caps;
}
