using System.Runtime.CompilerServices;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>The memory of a completion queue with 64-byte entries: where the next completion is, and whether the NIC has written it.</summary>
/// <param name="memory">As <c>mlx5dv_init_obj</c> told it; the queue's owner keeps it alive.</param>
internal unsafe struct CompletionRing(in mlx5dv_cq memory)
{
    /// <summary>op_own of an entry that is nobody's, whatever pass the ring is in.</summary>
    private const byte Invalid = Mlx5Cqe.MLX5_CQE_INVALID << 4;

    private readonly mlx5_cqe64* _entries = (mlx5_cqe64*)memory.buf;
    private readonly uint _mask = memory.cqe_cnt - 1;
    private readonly uint _size = memory.cqe_cnt;
    private readonly DoorbellRecord _consumerIndex = new(memory.dbrec);
    private readonly DoorbellRecord _armRecord = new(memory.dbrec + 1);
    private readonly ulong* _armRegister = (ulong*)(memory.cq_uar + Mlx5Cqe.MLX5_CQ_DOORBELL);
    private readonly uint _number = memory.cqn;
    private uint _events; // received so far: the NIC tells a new command from a late one by them

    /// <summary>Completions consumed since the queue was made, modulo 2^32. It goes on when a queue that reports here is reset.</summary>
    public uint Index { get; private set; }

    /// <summary>What op_own of entry <paramref name="index"/> is when the NIC has written it in this pass, but for opcode, format and solicited.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly byte OwnerAt(uint index) => (index & _size) != 0 ? (byte)1 : (byte)0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly mlx5_cqe64* Entry(uint index) => &_entries[index & _mask];

    /// <summary>True if the ring does not end before <paramref name="count"/> entries from <paramref name="index"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool HasStraight(uint index, uint count) => (index & _mask) + count <= _size;

    /// <summary>Reads op_own; what else the NIC has written of the entry is read after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte ReadOpOwn(mlx5_cqe64* entry) => Volatile.Read(ref entry->op_own);

    /// <summary>True if entry <paramref name="index"/>, which has this <paramref name="opOwn"/>, is a completion not yet consumed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsValid(byte opOwn, uint index) =>
        (opOwn & Mlx5Cqe.MLX5_CQE_OWNER_MASK) == OwnerAt(index) && opOwn >> 4 != Mlx5Cqe.MLX5_CQE_INVALID;

    /// <summary>
    /// Makes the entries of a compressed session behind its title, which hold no op_own or an old one, unmistakable: the NIC
    /// leaves that to software.
    /// </summary>
    public readonly void Invalidate(uint first, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            Entry(first + i)->op_own = Invalid;
        }
    }

    /// <summary>Gives the entries before <paramref name="index"/> back to the NIC.</summary>
    public void Consume(uint index)
    {
        Index = index;
        _consumerIndex.Publish(index & 0xFF_FFFF);
    }

    /// <summary>
    /// Asks the NIC for an event when it has written entry <see cref="Index"/>, or at once if it has already. As libmlx5's
    /// <c>ibv_req_notify_cq</c>, which knows no consumer index of a queue that the driver reads itself.
    /// </summary>
    /// <param name="events">Events that have come since the last call.</param>
    public void Arm(uint events)
    {
        _events += events;
        uint command = ((_events & 3) << 28) | Mlx5Cqe.MLX5_CQ_DB_REQ_NOT | (Index & 0xFF_FFFF);
        _armRecord.Publish(command);
        Interlocked.MemoryBarrier(); // the NIC reads the record when it sees the register
        Volatile.Write(ref *_armRegister, new Be64(((ulong)command << 32) | _number).Raw);
    }

    /// <summary>Gives all that is there back to the NIC unread.</summary>
    public void Drain()
    {
        uint index = Index;
        for (byte opOwn; IsValid(opOwn = ReadOpOwn(Entry(index)), index);)
        {
            uint count = IsCompressed(opOwn) ? Math.Clamp(Entry(index)->byte_cnt, 1, _size) : 1;
            Invalidate(index + 1, count - 1);
            index += count;
        }

        Consume(index);
    }

    /// <summary>True if the completion is the title of a session of several.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsCompressed(byte opOwn) => (opOwn & (3 << 2)) == 3 << 2;

    /// <summary>True if the completion tells of an error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsError(byte opOwn) => opOwn >> 4 is Mlx5Cqe.MLX5_CQE_REQ_ERR or Mlx5Cqe.MLX5_CQE_RESP_ERR;

    /// <summary>What a completion that <see cref="IsError"/> tells.</summary>
    public static CompletionError ErrorOf(mlx5_cqe64* entry) =>
        new(StatusOf(((mlx5_err_cqe*)entry)->syndrome), ((mlx5_err_cqe*)entry)->vendor_err_synd);

    /// <summary>As libmlx5 translates it.</summary>
    private static ibv_wc_status StatusOf(byte syndrome) => syndrome switch
    {
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR => ibv_wc_status.IBV_WC_LOC_LEN_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR => ibv_wc_status.IBV_WC_LOC_QP_OP_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR => ibv_wc_status.IBV_WC_LOC_PROT_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR => ibv_wc_status.IBV_WC_WR_FLUSH_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_MW_BIND_ERR => ibv_wc_status.IBV_WC_MW_BIND_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_BAD_RESP_ERR => ibv_wc_status.IBV_WC_BAD_RESP_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_ACCESS_ERR => ibv_wc_status.IBV_WC_LOC_ACCESS_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR => ibv_wc_status.IBV_WC_REM_INV_REQ_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR => ibv_wc_status.IBV_WC_REM_ACCESS_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_REMOTE_OP_ERR => ibv_wc_status.IBV_WC_REM_OP_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR => ibv_wc_status.IBV_WC_RETRY_EXC_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR => ibv_wc_status.IBV_WC_RNR_RETRY_EXC_ERR,
        Mlx5Cqe.MLX5_CQE_SYNDROME_REMOTE_ABORTED_ERR => ibv_wc_status.IBV_WC_REM_ABORT_ERR,
        _ => ibv_wc_status.IBV_WC_GENERAL_ERR,
    };
}
