using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Verbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What programs call of libmlx5 itself to steer, and of libibverbs besides, under C's names. The compiler judges it with Interop's structures.</summary>
internal static unsafe partial class Mlx5dv
{
    private const string Name = "libmlx5.so.1";

    [LibraryImport(Name, SetLastError = true)]
    public static partial nint mlx5dv_create_flow_matcher(ibv_context* context, mlx5dv_flow_matcher_attr* matcher_attr);

    [LibraryImport(Name, SetLastError = true)]
    public static partial int mlx5dv_destroy_flow_matcher(nint matcher);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_flow* mlx5dv_create_flow(
        nint matcher, mlx5dv_flow_match_parameters* match_value, nuint num_actions, mlx5dv_flow_action_attr* actions_attr);

    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_qp* mlx5dv_create_qp(ibv_context* context, ibv_qp_init_attr_ex* qp_attr, mlx5dv_qp_init_attr* mlx5_qp_attr);

    [LibraryImport(Libibverbs.Name)]
    public static partial int ibv_attach_mcast(ibv_qp* qp, byte* gid, ushort lid);

    [LibraryImport(Libibverbs.Name)]
    public static partial int ibv_detach_mcast(ibv_qp* qp, byte* gid, ushort lid);
}

/// <summary>match_sz bytes of match parameters follow.</summary>
[CStruct("struct mlx5dv_flow_match_parameters", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Sequential)]
internal struct mlx5dv_flow_match_parameters
{
    public nuint match_sz;
}

[CStruct("struct mlx5dv_flow_matcher_attr", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct mlx5dv_flow_matcher_attr
{
    public ibv_flow_attr_type type;
    public uint flags;
    public ushort priority;
    public byte match_criteria_enable;
    public mlx5dv_flow_match_parameters* match_mask;
    public ulong comp_mask;
    public uint ft_type;
}

[CStruct("struct mlx5dv_flow_action_attr", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
internal unsafe struct mlx5dv_flow_action_attr
{
    [FieldOffset(0x00)] public mlx5dv_flow_action_type type;
    [FieldOffset(0x08)] public ibv_qp* qp;
    [FieldOffset(0x08)] public uint tag_value;
}

[CStruct("struct mlx5dv_qp_init_attr", "infiniband/mlx5dv.h", Prefix = true)]
[StructLayout(LayoutKind.Sequential, Size = 0x40)]
internal struct mlx5dv_qp_init_attr
{
    public ulong comp_mask;
    public mlx5dv_qp_create_flags create_flags;
}

[CConstants("infiniband/mlx5dv.h")]
internal enum mlx5dv_flow_action_type
{
    MLX5DV_FLOW_ACTION_DEST_IBV_QP,
    MLX5DV_FLOW_ACTION_DROP,
    MLX5DV_FLOW_ACTION_TAG = 4,
    MLX5DV_FLOW_ACTION_DEFAULT_MISS = 7,
}

[Flags]
[CConstants("infiniband/mlx5dv.h")]
internal enum mlx5dv_qp_create_flags : uint
{
    MLX5DV_QP_CREATE_TIR_ALLOW_SELF_LOOPBACK_UC = 1 << 1,
    MLX5DV_QP_CREATE_TIR_ALLOW_SELF_LOOPBACK_MC = 1 << 2,
}
