using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop.Mlx5;

/// <summary>A completion queue entry of 64 bytes, as an Ethernet queue sees it; in a 128-byte entry it is the second half.</summary>
/// <remarks>The members before <see cref="slid"/> that mlx5dv.h calls reserved are named after the ConnectX manual.</remarks>
[CStruct("struct mlx5_cqe64", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct mlx5_cqe64
{
    /// <summary>Bit 0: the header fields are those inside a tunnel; bit 1: its outer network header is IPv6.</summary>
    [CField("rsvd0[0]")]
    [FieldOffset(0x00)] public byte pkt_info;

    /// <summary>In a striding queue, the running index of the WQE.</summary>
    [FieldOffset(0x02)] public Be16 wqe_id;

    /// <summary>The whole 32-bit RSS hash.</summary>
    [CField("rsvd4[8]")]
    [FieldOffset(0x0C)] public Be32 rx_hash_result;

    /// <summary>What was hashed: bits 3:2 the IP version, bits 7:6 the transport.</summary>
    [CField("rsvd4[12]")]
    [FieldOffset(0x10)] public byte rx_hash_type;
    [FieldOffset(0x11)] public byte ml_path;

    /// <summary>Ones'-complement sum of the packet from its network header on.</summary>
    [CField("rsvd20[2]")]
    [FieldOffset(0x14)] public Be16 check_sum;
    [FieldOffset(0x16)] public Be16 slid;
    [FieldOffset(0x18)] public Be32 flags_rqpn;
    [FieldOffset(0x1C)] public byte hds_ip_ext;
    [FieldOffset(0x1D)] public byte l4_hdr_type_etc;
    [FieldOffset(0x1E)] public Be16 vlan_info;
    [FieldOffset(0x20)] public Be32 srqn_uidx;
    [FieldOffset(0x24)] public Be32 imm_inval_pkey;
    [FieldOffset(0x28)] public byte app;
    [FieldOffset(0x29)] public byte app_op;
    [FieldOffset(0x2A)] public Be16 app_info;
    [FieldOffset(0x2C)] public Be32 byte_cnt;
    [FieldOffset(0x30)] public Be64 timestamp;
    [FieldOffset(0x38)] public Be32 sop_drop_qpn;
    [FieldOffset(0x3C)] public Be16 wqe_counter;
    [FieldOffset(0x3E)] public byte signature;

    /// <summary>Opcode in bits 7:4, format in 3:2, solicited in 1, owner in 0. The NIC writes it last.</summary>
    [FieldOffset(0x3F)] public byte op_own;
}

/// <summary>What a completion with an error holds in place of <see cref="mlx5_cqe64"/>.</summary>
[CStruct("struct mlx5_err_cqe", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct mlx5_err_cqe
{
    [FieldOffset(0x20)] public Be32 srqn;
    [FieldOffset(0x36)] public byte vendor_err_synd;
    [FieldOffset(0x37)] public byte syndrome;
    [FieldOffset(0x38)] public Be32 s_wqe_opcode_qpn;
    [FieldOffset(0x3C)] public Be16 wqe_counter;
    [FieldOffset(0x3E)] public byte signature;
    [FieldOffset(0x3F)] public byte op_own;
}

/// <summary>Constants of completions and their doorbells.</summary>
[CConstants("infiniband/mlx5dv.h")]
public static class Mlx5Cqe
{
    public const byte MLX5_CQE_OWNER_MASK = 1;
    public const byte MLX5_CQE_REQ = 0;
    public const byte MLX5_CQE_RESP_SEND = 2;
    public const byte MLX5_CQE_RESIZE_CQ = 5;
    public const byte MLX5_CQE_REQ_ERR = 13;
    public const byte MLX5_CQE_RESP_ERR = 14;
    public const byte MLX5_CQE_INVALID = 15;

    public const byte MLX5_CQE_L2_OK = 1;
    public const byte MLX5_CQE_L3_OK = 2;
    public const byte MLX5_CQE_L4_OK = 4;
    public const byte MLX5_CQE_L3_HDR_TYPE_NONE = 0;
    public const byte MLX5_CQE_L3_HDR_TYPE_IPV6 = 1;
    public const byte MLX5_CQE_L3_HDR_TYPE_IPV4 = 2;

    public const byte MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR = 0x01;
    public const byte MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR = 0x02;
    public const byte MLX5_CQE_SYNDROME_LOCAL_PROT_ERR = 0x04;
    public const byte MLX5_CQE_SYNDROME_WR_FLUSH_ERR = 0x05;
    public const byte MLX5_CQE_SYNDROME_MW_BIND_ERR = 0x06;
    public const byte MLX5_CQE_SYNDROME_BAD_RESP_ERR = 0x10;
    public const byte MLX5_CQE_SYNDROME_LOCAL_ACCESS_ERR = 0x11;
    public const byte MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR = 0x12;
    public const byte MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR = 0x13;
    public const byte MLX5_CQE_SYNDROME_REMOTE_OP_ERR = 0x14;
    public const byte MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR = 0x15;
    public const byte MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR = 0x16;
    public const byte MLX5_CQE_SYNDROME_REMOTE_ABORTED_ERR = 0x22;

    /// <summary>Offset of the arm register in a UAR page, in bytes.</summary>
    public const int MLX5_CQ_DOORBELL = 0x20;

    /// <summary>In an arm command: ask for the next solicited completion only.</summary>
    public const uint MLX5_CQ_DB_REQ_NOT_SOL = 1 << 24;
    public const uint MLX5_CQ_DB_REQ_NOT = 0;
}
