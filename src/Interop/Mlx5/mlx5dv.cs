using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Interop.Mlx5;

/// <summary>What an mlx5 device can do beyond verbs: <see cref="comp_mask"/> says on entry what is wanted, and afterwards what was found.</summary>
/// <remarks>Later versions of the library append to it and fill in only what was asked for.</remarks>
[CStruct("struct mlx5dv_context", "infiniband/mlx5dv.h", Prefix = true)]
[StructLayout(LayoutKind.Explicit, Size = 0x98)]
public struct mlx5dv_context
{
    [FieldOffset(0x00)] public byte version;
    [FieldOffset(0x08)] public mlx5dv_context_flags flags;
    [FieldOffset(0x10)] public mlx5dv_context_comp_mask comp_mask;
    [FieldOffset(0x18)] public mlx5dv_cqe_comp_caps cqe_comp_caps;
    [FieldOffset(0x28)] public mlx5dv_striding_rq_caps striding_rq_caps;
}

/// <summary>How completions may be compressed.</summary>
[CStruct("struct mlx5dv_cqe_comp_caps", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x08)]
public struct mlx5dv_cqe_comp_caps
{
    /// <summary>The longest session, in completions.</summary>
    [FieldOffset(0x00)] public uint max_num;
    [FieldOffset(0x04)] public mlx5dv_cqe_comp_res_format supported_format;
}

/// <summary>The limits of striding receive queues, as powers of two.</summary>
[CStruct("struct mlx5dv_striding_rq_caps", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x14)]
public struct mlx5dv_striding_rq_caps
{
    [FieldOffset(0x00)] public uint min_single_stride_log_num_of_bytes;
    [FieldOffset(0x04)] public uint max_single_stride_log_num_of_bytes;
    [FieldOffset(0x08)] public uint min_single_wqe_log_num_of_strides;
    [FieldOffset(0x0C)] public uint max_single_wqe_log_num_of_strides;

    /// <summary>A bit for each ibv_qp_type that can have them.</summary>
    [FieldOffset(0x10)] public uint supported_qpts;
}

/// <summary>What is special about a completion queue of <see cref="Libmlx5.mlx5dv_create_cq"/>.</summary>
[CStruct("struct mlx5dv_cq_init_attr", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public struct mlx5dv_cq_init_attr
{
    [FieldOffset(0x00)] public mlx5dv_cq_init_attr_mask comp_mask;

    /// <summary>One of <see cref="mlx5dv_cqe_comp_res_format"/>.</summary>
    [FieldOffset(0x08)] public byte cqe_comp_res_format;
    [FieldOffset(0x0C)] public uint flags;

    /// <summary>64 or 128 bytes. If it is not given, MLX5_CQE_SIZE in the environment decides.</summary>
    [FieldOffset(0x10)] public ushort cqe_size;
}

/// <summary>What is special about a receive queue of <see cref="Libmlx5.mlx5dv_create_wq"/>.</summary>
[CStruct("struct mlx5dv_wq_init_attr", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x18)]
public struct mlx5dv_wq_init_attr
{
    [FieldOffset(0x00)] public mlx5dv_wq_init_attr_mask comp_mask;
    [FieldOffset(0x08)] public mlx5dv_striding_rq_init_attr striding_rq_attrs;
}

/// <summary>The form of a striding receive queue.</summary>
[CStruct("struct mlx5dv_striding_rq_init_attr", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x0C)]
public struct mlx5dv_striding_rq_init_attr
{
    [FieldOffset(0x00)] public uint single_stride_log_num_of_bytes;
    [FieldOffset(0x04)] public uint single_wqe_log_num_of_strides;
    [FieldOffset(0x08)] public byte two_byte_shift_en;
}

/// <summary>Objects whose memory <see cref="Libmlx5.mlx5dv_init_obj"/> tells; those that this project has no use for are left out.</summary>
[CStruct("struct mlx5dv_obj", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x70)]
public unsafe struct mlx5dv_obj
{
    [FieldOffset(0x00), CField("qp.in")] public ibv_qp* qp_in;
    [FieldOffset(0x08), CField("qp.out")] public mlx5dv_qp* qp_out;
    [FieldOffset(0x10), CField("cq.in")] public ibv_cq* cq_in;
    [FieldOffset(0x18), CField("cq.out")] public mlx5dv_cq* cq_out;
    [FieldOffset(0x30), CField("rwq.in")] public ibv_wq* rwq_in;
    [FieldOffset(0x38), CField("rwq.out")] public mlx5dv_rwq* rwq_out;
}

/// <summary>The memory of a queue pair.</summary>
[CStruct("struct mlx5dv_qp", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x60)]
public unsafe struct mlx5dv_qp
{
    /// <summary>Two doorbell records: <see cref="Mlx5Wqe.MLX5_RCV_DBR"/> and <see cref="Mlx5Wqe.MLX5_SND_DBR"/>.</summary>
    [FieldOffset(0x00)] public Be32* dbrec;
    [FieldOffset(0x08), CField("sq.buf")] public byte* sq_buf;

    /// <summary>Length of the send queue in blocks of <see cref="Mlx5Wqe.MLX5_SEND_WQE_BB"/> bytes, a power of two.</summary>
    [FieldOffset(0x10), CField("sq.wqe_cnt")] public uint sq_wqe_cnt;
    [FieldOffset(0x14), CField("sq.stride")] public uint sq_stride;

    /// <summary>The doorbell register.</summary>
    [FieldOffset(0x28), CField("bf.reg")] public ulong* bf_reg;

    /// <summary>Length of one of its two BlueField buffers in bytes; 0 if it only takes doorbells.</summary>
    [FieldOffset(0x30), CField("bf.size")] public uint bf_size;
    [FieldOffset(0x38)] public ulong comp_mask;
}

/// <summary>The memory of a completion queue.</summary>
[CStruct("struct mlx5dv_cq", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x30)]
public unsafe struct mlx5dv_cq
{
    [FieldOffset(0x00)] public byte* buf;

    /// <summary>Two doorbell records: the consumer index, and the arm command.</summary>
    [FieldOffset(0x08)] public Be32* dbrec;

    /// <summary>A power of two.</summary>
    [FieldOffset(0x10)] public uint cqe_cnt;
    [FieldOffset(0x14)] public uint cqe_size;
    [FieldOffset(0x18)] public byte* cq_uar;
    [FieldOffset(0x20)] public uint cqn;
    [FieldOffset(0x28)] public ulong comp_mask;
}

/// <summary>The memory of a receive work queue.</summary>
[CStruct("struct mlx5dv_rwq", "infiniband/mlx5dv.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x20)]
public unsafe struct mlx5dv_rwq
{
    [FieldOffset(0x00)] public byte* buf;

    /// <summary>The receive doorbell record.</summary>
    [FieldOffset(0x08)] public Be32* dbrec;

    /// <summary>A power of two.</summary>
    [FieldOffset(0x10)] public uint wqe_cnt;

    /// <summary>Length of a WQE in bytes, a power of two.</summary>
    [FieldOffset(0x14)] public uint stride;
    [FieldOffset(0x18)] public ulong comp_mask;
}

/// <summary>What an mlx5 device can do.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_context_flags : ulong
{
    MLX5DV_CONTEXT_FLAGS_CQE_V1 = 1 << 0,
    MLX5DV_CONTEXT_FLAGS_MPW_ALLOWED = 1 << 2,
    MLX5DV_CONTEXT_FLAGS_ENHANCED_MPW = 1 << 3,
}

/// <summary>Which parts of <see cref="mlx5dv_context"/> are wanted.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_context_comp_mask : ulong
{
    MLX5DV_CONTEXT_MASK_CQE_COMPRESION = 1 << 0,
    MLX5DV_CONTEXT_MASK_STRIDING_RQ = 1 << 2,
}

/// <summary>What the minis of compressed completions carry beside the byte count.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_cqe_comp_res_format : uint
{
    MLX5DV_CQE_RES_FORMAT_HASH = 1 << 0,
    MLX5DV_CQE_RES_FORMAT_CSUM = 1 << 1,
    MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX = 1 << 2,
}

/// <summary>Which members of <see cref="mlx5dv_cq_init_attr"/> are set.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_cq_init_attr_mask : ulong
{
    MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE = 1 << 0,
    MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE = 1 << 2,
}

/// <summary>Which members of <see cref="mlx5dv_wq_init_attr"/> are set.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_wq_init_attr_mask : ulong
{
    MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ = 1 << 0,
}

/// <summary>The kinds of objects in <see cref="mlx5dv_obj"/>.</summary>
[Flags]
[CConstants("infiniband/mlx5dv.h")]
public enum mlx5dv_obj_type : ulong
{
    MLX5DV_OBJ_QP = 1 << 0,
    MLX5DV_OBJ_CQ = 1 << 1,
    MLX5DV_OBJ_RWQ = 1 << 3,
}
