using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop.Uverbs;

[CStruct("struct ib_uverbs_flow_spec_hdr", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_spec_hdr
{
    public uint type;

    /// <summary>Length of the whole specification, in bytes.</summary>
    public ushort size;
    public ushort reserved;
}

[CStruct("struct ib_uverbs_flow_ipv4_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_ipv4_filter
{
    public Be32 src_ip;
    public Be32 dst_ip;
    public byte proto;
    public byte tos;
    public byte ttl;
    public byte flags;
}

[CStruct("struct ib_uverbs_flow_tcp_udp_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_tcp_udp_filter
{
    public Be16 dst_port;
    public Be16 src_port;
}

[CStruct("struct ib_uverbs_flow_eth_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_eth_filter
{
    public MacAddress dst_mac;
    public MacAddress src_mac;
    public Be16 ether_type;
    public Be16 vlan_tag;
}

/// <summary>Addresses in transmission order.</summary>
[CStruct("struct ib_uverbs_flow_ipv6_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ib_uverbs_flow_ipv6_filter
{
    public fixed byte src_ip[16];
    public fixed byte dst_ip[16];
    public Be32 flow_label;
    public byte next_hdr;
    public byte traffic_class;
    public byte hop_limit;
    public byte reserved;
}

[CStruct("struct ib_uverbs_flow_tunnel_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_tunnel_filter
{
    public Be32 tunnel_id;
}

[CStruct("struct ib_uverbs_flow_gre_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_gre_filter
{
    public Be16 c_ks_res0_ver;
    public Be16 protocol;
    public Be32 key;
}

[CStruct("struct ib_uverbs_flow_mpls_filter", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_mpls_filter
{
    public Be32 label;
}

[CStruct("struct ib_uverbs_flow_spec_action_tag", "rdma/ib_user_verbs.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ib_uverbs_flow_spec_action_tag
{
    public ib_uverbs_flow_spec_hdr hdr;

    /// <summary>24 bits, in host order.</summary>
    public uint tag_id;
    public uint reserved1;
}
