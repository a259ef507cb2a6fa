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
[CStruct("struct mlx5_wqe_eth_seg", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct mlx5_wqe_eth_seg
{
    [FieldOffset(0x04)] public byte cs_flags;
    [FieldOffset(0x06)] public Be16 mss;
    [FieldOffset(0x0C)] public Be16 inline_hdr_sz;
    [FieldOffset(0x0E), CField("inline_hdr_start[0]")] public byte inline_hdr_start;
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
