namespace Verbena.Interop.Verbs;

[CConstants("infiniband/verbs.h")]
public enum ibv_node_type
{
    IBV_NODE_UNKNOWN = -1,
    IBV_NODE_CA = 1,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_transport_type
{
    IBV_TRANSPORT_UNKNOWN = -1,
    IBV_TRANSPORT_IB = 0,
}

/// <summary>The values of an unnamed enumeration of verbs.h.</summary>
[CConstants("infiniband/verbs.h")]
public enum ibv_link_layer : byte
{
    IBV_LINK_LAYER_UNSPECIFIED,
    IBV_LINK_LAYER_INFINIBAND,
    IBV_LINK_LAYER_ETHERNET,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_port_state
{
    IBV_PORT_NOP = 0,
    IBV_PORT_DOWN = 1,
    IBV_PORT_INIT = 2,
    IBV_PORT_ARMED = 3,
    IBV_PORT_ACTIVE = 4,
    IBV_PORT_ACTIVE_DEFER = 5,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_event_type
{
    IBV_EVENT_CQ_ERR,
    IBV_EVENT_QP_FATAL,
    IBV_EVENT_QP_REQ_ERR,
    IBV_EVENT_QP_ACCESS_ERR,
    IBV_EVENT_DEVICE_FATAL = 8,
    IBV_EVENT_PORT_ACTIVE,
    IBV_EVENT_PORT_ERR,
    IBV_EVENT_GID_CHANGE = 18,
    IBV_EVENT_WQ_FATAL,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_access_flags
{
    IBV_ACCESS_LOCAL_WRITE = 1,
    IBV_ACCESS_RELAXED_ORDERING = 1 << 20,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_qp_type
{
    IBV_QPT_RC = 2,
    IBV_QPT_RAW_PACKET = 8,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_qp_state
{
    IBV_QPS_RESET,
    IBV_QPS_INIT,
    IBV_QPS_RTR,
    IBV_QPS_RTS,
    IBV_QPS_SQD,
    IBV_QPS_SQE,
    IBV_QPS_ERR,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_qp_attr_mask
{
    IBV_QP_STATE = 1 << 0,
    IBV_QP_PORT = 1 << 5,
    IBV_QP_QKEY = 1 << 6,
    IBV_QP_CAP = 1 << 19,
    IBV_QP_RATE_LIMIT = 1 << 25,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_qp_init_attr_mask
{
    IBV_QP_INIT_ATTR_PD = 1 << 0,
    IBV_QP_INIT_ATTR_CREATE_FLAGS = 1 << 2,
    IBV_QP_INIT_ATTR_MAX_TSO_HEADER = 1 << 3,
    IBV_QP_INIT_ATTR_IND_TABLE = 1 << 4,
    IBV_QP_INIT_ATTR_RX_HASH = 1 << 5,
    IBV_QP_INIT_ATTR_SEND_OPS_FLAGS = 1 << 6,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_qp_create_send_ops_flags : ulong
{
    IBV_QP_EX_WITH_SEND = 1 << 2,
    IBV_QP_EX_WITH_TSO = 1 << 10,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_wq_type
{
    IBV_WQT_RQ,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_wq_state
{
    IBV_WQS_RESET,
    IBV_WQS_RDY,
    IBV_WQS_ERR,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_wq_attr_mask
{
    IBV_WQ_ATTR_STATE = 1 << 0,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_rx_hash_function_flags : byte
{
    IBV_RX_HASH_FUNC_TOEPLITZ = 1 << 0,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_rx_hash_fields : ulong
{
    IBV_RX_HASH_SRC_IPV4 = 1 << 0,
    IBV_RX_HASH_DST_IPV4 = 1 << 1,
    IBV_RX_HASH_SRC_IPV6 = 1 << 2,
    IBV_RX_HASH_DST_IPV6 = 1 << 3,
    IBV_RX_HASH_SRC_PORT_TCP = 1 << 4,
    IBV_RX_HASH_DST_PORT_TCP = 1 << 5,
    IBV_RX_HASH_SRC_PORT_UDP = 1 << 6,
    IBV_RX_HASH_DST_PORT_UDP = 1 << 7,
    IBV_RX_HASH_INNER = 1UL << 31,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_flow_attr_type
{
    IBV_FLOW_ATTR_NORMAL = 0x0,
    IBV_FLOW_ATTR_ALL_DEFAULT = 0x1,
    IBV_FLOW_ATTR_MC_DEFAULT = 0x2,
    IBV_FLOW_ATTR_SNIFFER = 0x3,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_flow_flags : uint
{
    IBV_FLOW_ATTR_FLAGS_DONT_TRAP = 1 << 1,
    IBV_FLOW_ATTR_FLAGS_EGRESS = 1 << 2,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_flow_spec_type : uint
{
    IBV_FLOW_SPEC_ETH = 0x20,
    IBV_FLOW_SPEC_IPV4 = 0x30,
    IBV_FLOW_SPEC_IPV6 = 0x31,
    IBV_FLOW_SPEC_IPV4_EXT = 0x32,
    IBV_FLOW_SPEC_ESP = 0x34,
    IBV_FLOW_SPEC_TCP = 0x40,
    IBV_FLOW_SPEC_UDP = 0x41,
    IBV_FLOW_SPEC_VXLAN_TUNNEL = 0x50,
    IBV_FLOW_SPEC_GRE = 0x51,
    IBV_FLOW_SPEC_MPLS = 0x60,
    IBV_FLOW_SPEC_INNER = 0x100,
    IBV_FLOW_SPEC_ACTION_TAG = 0x1000,
    IBV_FLOW_SPEC_ACTION_DROP = 0x1001,
    IBV_FLOW_SPEC_ACTION_HANDLE = 0x1002,
    IBV_FLOW_SPEC_ACTION_COUNT = 0x1003,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_wr_opcode
{
    IBV_WR_SEND = 2,
    IBV_WR_TSO = 10,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_send_flags
{
    IBV_SEND_SIGNALED = 1 << 1,
    IBV_SEND_INLINE = 1 << 3,
    IBV_SEND_IP_CSUM = 1 << 4,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_wc_status
{
    IBV_WC_SUCCESS,
    IBV_WC_LOC_LEN_ERR,
    IBV_WC_LOC_QP_OP_ERR,
    IBV_WC_LOC_PROT_ERR = 4,
    IBV_WC_WR_FLUSH_ERR,
    IBV_WC_MW_BIND_ERR,
    IBV_WC_BAD_RESP_ERR,
    IBV_WC_LOC_ACCESS_ERR,
    IBV_WC_REM_INV_REQ_ERR,
    IBV_WC_REM_ACCESS_ERR,
    IBV_WC_REM_OP_ERR,
    IBV_WC_RETRY_EXC_ERR,
    IBV_WC_RNR_RETRY_EXC_ERR,
    IBV_WC_REM_ABORT_ERR = 16,
    IBV_WC_GENERAL_ERR = 21,
}

[CConstants("infiniband/verbs.h")]
public enum ibv_wc_opcode
{
    IBV_WC_SEND,
    IBV_WC_RECV = 1 << 7,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_wc_flags
{
    IBV_WC_IP_CSUM_OK = 1 << 2,
}

/// <summary>Which members of <see cref="ibv_wq_init_attr"/> are set beyond those that always are.</summary>
[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_wq_init_attr_mask : uint
{
    IBV_WQ_INIT_ATTR_FLAGS = 1 << 0,
}

[Flags]
[CConstants("infiniband/verbs.h")]
public enum ibv_wq_flags : uint
{
    IBV_WQ_FLAGS_CVLAN_STRIPPING = 1 << 0,
}
