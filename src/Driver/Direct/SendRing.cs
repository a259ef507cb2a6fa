using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>The memory of a send queue: blocks of 64 bytes in which WQEs are written, and what each WQE stands for.</summary>
internal sealed unsafe class SendRing : IDisposable
{
    private const int SegmentsPerBlock = Mlx5Wqe.MLX5_SEND_WQE_BB / SegmentBytes;

    /// <summary>The unit in which WQEs are measured (ds).</summary>
    public const int SegmentBytes = 16;

    private readonly byte* _blocks;
    private readonly uint _size;
    private readonly uint _segmentMask;
    private readonly uint _queueNumber;
    private readonly DoorbellRecord _producerIndex;
    private readonly SendDoorbell _doorbell;
    private readonly SentWqe* _sent; // by the first block of each
    private uint _free; // running count of the blocks that the NIC has finished
    private uint _next;
    private uint _last; // the first block of the last WQE

    /// <param name="memory">The queue pair's. It outlives this object's use.</param>
    /// <param name="queueNumber">The number of its send queue.</param>
    public SendRing(in mlx5dv_qp memory, uint queueNumber)
    {
        _blocks = memory.sq_buf;
        _size = memory.sq_wqe_cnt;
        _segmentMask = (_size * SegmentsPerBlock) - 1;
        _queueNumber = queueNumber;
        _producerIndex = new DoorbellRecord(memory.dbrec + Mlx5Wqe.MLX5_SND_DBR);
        _doorbell = new SendDoorbell(memory.bf_reg);
        _sent = (SentWqe*)NativeMemory.AllocZeroed(_size, (nuint)sizeof(SentWqe));
    }

    /// <summary>Segments that can be written without overtaking the NIC.</summary>
    public int FreeSegments => (int)(_size - (_next - _free)) * SegmentsPerBlock;

    /// <summary>The next WQE's segment <paramref name="index"/>. A WQE that reaches the ring's end goes on at its beginning.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Segment(int index) => _blocks + ((((_next * SegmentsPerBlock) + (uint)index) & _segmentMask) * (nuint)SegmentBytes);

    /// <summary>
    /// Writes the control segment of the next WQE, of <paramref name="segments"/> in all, and makes it part of the queue. It
    /// stands for the buffers from running count <paramref name="firstBuffer"/> to before <paramref name="endBuffer"/>.
    /// </summary>
    public void Append(uint opcode, int segments, uint firstBuffer, uint endBuffer)
    {
        // The first two words, then no fence, no completion; the immediate is not used.
        uint index = new Be32(((_next & 0xFFFF) << 8) | opcode).Raw;
        uint length = new Be32((_queueNumber << 8) | (uint)segments).Raw;
        *(Vector128<uint>*)Segment(0) = Vector128.Create(index, length, 0u, 0u);
        uint end = _next + ((uint)(segments + SegmentsPerBlock - 1) / SegmentsPerBlock);
        _sent[_next & (_size - 1)] = new SentWqe(firstBuffer, endBuffer, end);
        _last = _next;
        _next = end;
    }

    /// <summary>Asks for a completion of the last WQE, and lets the NIC have all of them.</summary>
    public void Submit()
    {
        mlx5_wqe_ctrl_seg* control = (mlx5_wqe_ctrl_seg*)(_blocks + ((nuint)(_last & (_size - 1)) * Mlx5Wqe.MLX5_SEND_WQE_BB));
        control->fm_ce_se = Mlx5Wqe.MLX5_WQE_CTRL_CQ_UPDATE;
        _producerIndex.Publish(_next & 0xFFFF);
        _doorbell.Ring(*(ulong*)control);
    }

    /// <summary>Takes back the blocks up to the end of the WQE that a completion names, and says which buffers it stood for.</summary>
    public SentWqe Complete(ushort wqeCounter)
    {
        SentWqe done = _sent[wqeCounter & (_size - 1)];
        _free = done.EndBlock;
        return done;
    }

    /// <summary>What the WQE stands for at which the queue stopped.</summary>
    public SentWqe Find(ushort wqeCounter) => _sent[wqeCounter & (_size - 1)];

    /// <summary>Begins anew at block 0, after the queue pair was reset.</summary>
    public void Reset() => (_free, _next, _last) = (0, 0, 0);

    public void Dispose() => NativeMemory.Free(_sent);
}

/// <summary>The buffers and blocks of a WQE, as running counts.</summary>
internal readonly record struct SentWqe(uint FirstBuffer, uint EndBuffer, uint EndBlock);
