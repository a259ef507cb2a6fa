using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>A send queue's ring in the program's memory: WQEs in blocks of 64 bytes, any of which may go on at the ring's begin.</summary>
internal sealed unsafe class SendRing(QueuePairParameters parameters, MemoryTable memory)
{
    private readonly byte* _base = (byte*)parameters.SendBufferAddress;
    private readonly uint _mask = ((uint)parameters.SendBlocks * Mlx5Wqe.MLX5_SEND_WQE_BB) - 1;
    private readonly uint _protectionDomain = parameters.ProtectionDomain;

    /// <summary>The control segment of the WQE that begins in block <paramref name="index"/>; like the Ethernet segment it never straddles the end.</summary>
    public mlx5_wqe_ctrl_seg* Control(ushort index) => (mlx5_wqe_ctrl_seg*)At(index, 0);

    /// <summary>The Ethernet segment, of which the first 16 bytes are there.</summary>
    public mlx5_wqe_eth_seg* Ethernet(ushort index) => (mlx5_wqe_eth_seg*)At(index, SendWqe.UnitBytes);

    /// <summary>Copies a WQE's first bytes, wherever the ring ends.</summary>
    public void CopyWqe(ushort index, Span<byte> target) => Copy(index, 0, target);

    /// <summary>The inline header: the frame's first bytes, from the Ethernet segment on.</summary>
    public void CopyInlineHeader(ushort index, Span<byte> target) => Copy(index, SendWqe.UnitBytes + 14, target);

    /// <summary>Sum of the lengths of the segments from <paramref name="cursor"/> on; what they hold is not looked at.</summary>
    public long CountBytes(SegmentCursor cursor)
    {
        long sum = 0;
        while (!cursor.IsAtEnd)
        {
            uint count = ((mlx5_wqe_data_seg*)At(cursor.Index, cursor.At))->byte_count;
            int bytes = (int)(count & ~Mlx5Wqe.MLX5_INLINE_SEG);
            cursor.At += (count & Mlx5Wqe.MLX5_INLINE_SEG) == 0 ? SendWqe.UnitBytes : Align((long)sizeof(uint) + bytes);
            sum += bytes;
        }

        return sum;
    }

    /// <summary>Copies what is left of one segment, or as much of it as there is room for.</summary>
    /// <returns>0, or the syndrome of the error.</returns>
    public byte Take(ref SegmentCursor cursor, Span<byte> room, out int copied)
    {
        var segment = (mlx5_wqe_data_seg*)At(cursor.Index, cursor.At);
        uint count = segment->byte_count;
        int bytes = (int)(count & ~Mlx5Wqe.MLX5_INLINE_SEG);
        bool isInline = (count & Mlx5Wqe.MLX5_INLINE_SEG) != 0;
        copied = Math.Min(bytes - cursor.Taken, room.Length);
        if (copied < 0 || (isInline && bytes > cursor.LeftBytes - sizeof(uint)))
        {
            copied = 0;
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
        }

        if (isInline)
        {
            Copy(cursor.Index, cursor.At + sizeof(uint) + cursor.Taken, room[..copied]);
        }
        else if (copied > 0) // some drivers leave an empty one behind a frame that is all inline
        {
            byte* source = memory.Translate(segment->lkey, _protectionDomain, segment->addr + (uint)cursor.Taken, (uint)copied, MrAccess.None);
            if (source == null)
            {
                copied = 0;
                return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
            }

            new ReadOnlySpan<byte>(source, copied).CopyTo(room);
        }

        cursor.Taken += copied;
        if (cursor.Taken == bytes)
        {
            cursor.At += isInline ? Align(sizeof(uint) + bytes) : SendWqe.UnitBytes;
            cursor.Taken = 0;
        }

        return 0;
    }

    private static int Align(long bytes) => (int)Math.Min((bytes + SendWqe.UnitBytes - 1) & -SendWqe.UnitBytes, ushort.MaxValue);

    private byte* At(ushort index, int offset) => _base + Offset(index, offset);

    private uint Offset(ushort index, int offset) => (((uint)index * Mlx5Wqe.MLX5_SEND_WQE_BB) + (uint)offset) & _mask;

    /// <summary>Copies bytes that may run over the ring's end.</summary>
    private void Copy(ushort index, int offset, Span<byte> target)
    {
        uint at = Offset(index, offset);
        if (at + (uint)target.Length <= _mask + 1)
        {
            new ReadOnlySpan<byte>(_base + at, target.Length).CopyTo(target);
            return;
        }

        int whole = (int)Math.Min((uint)target.Length, _mask + 1 - at);
        new ReadOnlySpan<byte>(_base + at, whole).CopyTo(target);
        new ReadOnlySpan<byte>(_base, target.Length - whole).CopyTo(target[whole..]);
    }
}
