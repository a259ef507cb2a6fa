using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop.Mlx5;

/// <summary>The first segment of every send WQE; its first eight bytes, as they lie, are the doorbell's value.</summary>
[CStruct("struct mlx5_wqe_ctrl_seg", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct mlx5_wqe_ctrl_seg
{
    /// <summary>Opcode modifier in bits 31:24, running WQEBB index in 23:8, opcode in 7:0.</summary>
    [FieldOffset(0x00)] public Be32 opmod_idx_opcode;

    /// <summary>Queue pair number in bits 31:8, length of the WQE in units of 16 bytes in 5:0.</summary>
    [FieldOffset(0x04)] public Be32 qpn_ds;
    [FieldOffset(0x08)] public byte signature;
    [FieldOffset(0x0B)] public byte fm_ce_se;
    [FieldOffset(0x0C)] public Be32 imm;
}

/// <summary>The Ethernet segment; <see cref="inline_hdr_sz"/> bytes of the frame follow from <see cref="inline_hdr_start"/> on.</summary>
/// <remarks>What mlx5dv.h calls reserved is named after the ConnectX manual.</remarks>
[CStruct("struct mlx5_wqe_eth_seg", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct mlx5_wqe_eth_seg
{
    /// <summary>Where software has found the headers, in units of two bytes: outer transport 31:24, outer network 23:16, inner transport 15:8, inner network 7:0.</summary>
    [FieldOffset(0x00), CField("rsvd0")] public Be32 swp_offsets;
    [FieldOffset(0x04)] public byte cs_flags;

    /// <summary>What these headers are: <see cref="Mlx5Prm"/>.MLX5_ETH_WQE_SWP_*.</summary>
    [FieldOffset(0x05), CField("rsvd1")] public byte swp_flags;
    [FieldOffset(0x06)] public Be16 mss;

    /// <summary>Number of inline bytes; or, with bit 15 set, that a VLAN tag is to be inserted.</summary>
    [FieldOffset(0x0C)] public Be16 inline_hdr_sz;
    [FieldOffset(0x0E), CField("inline_hdr_start[0]")] public byte inline_hdr_start;

    /// <summary>The tag to insert.</summary>
    [FieldOffset(0x0E), CField("inline_hdr_start")] public Be16 insert_vlan_tci;
}

/// <summary>The header of a striding receive WQE, before its data segments.</summary>
[CStruct("struct mlx5_wqe_srq_next_seg", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct mlx5_wqe_srq_next_seg
{
    [FieldOffset(0x02)] public Be16 next_wqe_index;
    [FieldOffset(0x04)] public byte signature;
}

/// <summary>A piece of memory to gather from or scatter to.</summary>
[CStruct("struct mlx5_wqe_data_seg", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct mlx5_wqe_data_seg
{
    [FieldOffset(0x00)] public Be32 byte_count;
    [FieldOffset(0x04)] public Be32 lkey;
    [FieldOffset(0x08)] public Be64 addr;
}

/// <summary>Constants of work queue entries and their doorbells.</summary>
[CConstants("infiniband/mlx5dv.h")]
public static class Mlx5Wqe
{
    public const byte MLX5_OPCODE_NOP = 0x00;
    public const byte MLX5_OPCODE_SEND = 0x0A;
    public const byte MLX5_OPCODE_TSO = 0x0E;

    public const uint MLX5_INLINE_SEG = 0x8000_0000;
    public const uint MLX5_INVALID_LKEY = 0x100;
    public const int MLX5_SEND_WQE_BB = 64;
    public const byte MLX5_WQE_CTRL_CQ_UPDATE = 2 << 2;
    public const byte MLX5_WQE_CTRL_SOLICITED = 1 << 1;
    public const byte MLX5_ETH_WQE_L3_CSUM = 1 << 6;
    public const byte MLX5_ETH_WQE_L4_CSUM = 1 << 7;

    /// <summary>Index of a queue pair's receive and send doorbell record, in units of four bytes.</summary>
    public const int MLX5_RCV_DBR = 0;
    public const int MLX5_SND_DBR = 1;
}

/// <summary>Constants of work queue entries that rdma-core's headers do not name; the names are those of Linux and DPDK.</summary>
public static class Mlx5Prm
{
    /// <summary>Enhanced multi-packet WQE: each data segment is a packet.</summary>
    public const byte MLX5_OPCODE_ENHANCED_MPSW = 0x29;

    /// <summary>Modifier of MLX5_OPCODE_TSO: a legacy multi-packet WQE, whose packets are all as long as mss says.</summary>
    public const byte MLX5_OPC_MOD_MPW = 1;

    public const byte MLX5_ETH_WQE_L3_INNER_CSUM = 1 << 4;
    public const byte MLX5_ETH_WQE_L4_INNER_CSUM = 1 << 5;

    public const byte MLX5_ETH_WQE_SWP_INNER_L3_IPV6 = 1 << 0;
    public const byte MLX5_ETH_WQE_SWP_INNER_L4_UDP = 1 << 1;
    public const byte MLX5_ETH_WQE_SWP_OUTER_L3_IPV6 = 1 << 4;
    public const byte MLX5_ETH_WQE_SWP_OUTER_L4_UDP = 1 << 5;

    /// <summary>In <see cref="mlx5_wqe_eth_seg.inline_hdr_sz"/>: insert a tag; with SVLAN one of type 0x88A8.</summary>
    public const ushort MLX5_ETH_WQE_INSERT_VLAN = 1 << 15;
    public const ushort MLX5_ETH_WQE_SVLAN = 1 << 0;
}
