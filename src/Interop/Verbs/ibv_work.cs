using System.Runtime.InteropServices;

namespace Verbena.Interop.Verbs;

/// <summary>A piece of registered memory that a work request sends or fills.</summary>
[CStruct("struct ibv_sge", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public struct ibv_sge
{
    [FieldOffset(0x00)] public ulong addr;
    [FieldOffset(0x08)] public uint length;
    [FieldOffset(0x0C)] public uint lkey;
}

/// <summary>A piece of memory, registered or not, whose bytes are copied.</summary>
[CStruct("struct ibv_data_buf", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x10)]
public unsafe struct ibv_data_buf
{
    [FieldOffset(0x00)] public void* addr;
    [FieldOffset(0x08)] public nuint length;
}

/// <summary>A request to send; requests are chained through <see cref="next"/>.</summary>
[CStruct("struct ibv_send_wr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x80)]
public unsafe struct ibv_send_wr
{
    [FieldOffset(0x00)] public ulong wr_id;
    [FieldOffset(0x08)] public ibv_send_wr* next;
    [FieldOffset(0x10)] public ibv_sge* sg_list;
    [FieldOffset(0x18)] public int num_sge;
    [FieldOffset(0x1C)] public ibv_wr_opcode opcode;
    [FieldOffset(0x20)] public ibv_send_flags send_flags;

    /// <summary>For IBV_WR_TSO: all headers of the packet; <see cref="sg_list"/> is its payload.</summary>
    [CField("tso.hdr")]
    [FieldOffset(0x50)] public void* tso_hdr;
    [CField("tso.hdr_sz")]
    [FieldOffset(0x58)] public ushort tso_hdr_sz;
    [CField("tso.mss")]
    [FieldOffset(0x5A)] public ushort tso_mss;
}

/// <summary>A request to receive; requests are chained through <see cref="next"/>.</summary>
[CStruct("struct ibv_recv_wr", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x20)]
public unsafe struct ibv_recv_wr
{
    [FieldOffset(0x00)] public ulong wr_id;
    [FieldOffset(0x08)] public ibv_recv_wr* next;
    [FieldOffset(0x10)] public ibv_sge* sg_list;
    [FieldOffset(0x18)] public int num_sge;
}

/// <summary>A work completion. With a status other than success, only wr_id, status, vendor_err and qp_num are valid.</summary>
[CStruct("struct ibv_wc", "infiniband/verbs.h")]
[StructLayout(LayoutKind.Explicit, Size = 0x30)]
public struct ibv_wc
{
    [FieldOffset(0x00)] public ulong wr_id;
    [FieldOffset(0x08)] public ibv_wc_status status;
    [FieldOffset(0x0C)] public ibv_wc_opcode opcode;
    [FieldOffset(0x10)] public uint vendor_err;
    [FieldOffset(0x14)] public uint byte_len;
    [FieldOffset(0x1C)] public uint qp_num;
    [FieldOffset(0x24)] public ibv_wc_flags wc_flags;
}
