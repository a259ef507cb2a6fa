using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A send queue's ring in the program's memory: WQEs in blocks of 64 bytes, any of which may go on at the ring's begin.</summary>
internal sealed unsafe class SendRing(QueuePairParameters parameters, MemoryTable memory)
{
    private const int SegmentBytes = 16;

    private readonly byte* _base = (byte*)parameters.SendBufferAddress;
    private readonly uint _mask = ((uint)parameters.SendBlocks * Mlx5Wqe.MLX5_SEND_WQE_BB) - 1;
    private readonly uint _protectionDomain = parameters.ProtectionDomain;

    /// <summary>The control segment of the WQE that begins in block <paramref name="index"/>; like the Ethernet segment it never straddles the end.</summary>
    public mlx5_wqe_ctrl_seg* Control(ushort index) => (mlx5_wqe_ctrl_seg*)At(Start(index));

    /// <summary>Builds the frame of a SEND: inline header, then each data segment, padded to the shortest frame.</summary>
    /// <returns>0, or the syndrome of the error.</returns>
    public byte Gather(ushort index, int ds, Span<byte> frame, out int length)
    {
        length = 0;
        uint start = Start(index);
        int end = ds * SegmentBytes;
        var ethernet = (mlx5_wqe_eth_seg*)At(start + SegmentBytes);
        int inline = ethernet->inline_hdr_sz;
        int at = 2 * SegmentBytes;
        if (inline > 2)
        {
            at += Align(inline - 2);
        }

        if (at > end)
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
        }

        Copy(start + SegmentBytes + 14, frame[..inline]);
        length = inline;
        while (at < end)
        {
            byte syndrome = Append(start, ref at, end, frame, ref length);
            if (syndrome != 0)
            {
                return syndrome;
            }
        }

        return Finish(frame, ref length, ethernet->cs_flags);
    }

    private static int Align(int bytes) => (bytes + SegmentBytes - 1) & -SegmentBytes;

    private byte Append(uint start, ref int at, int end, Span<byte> frame, ref int length)
    {
        var segment = (mlx5_wqe_data_seg*)At(start + (uint)at);
        uint count = segment->byte_count;
        int bytes = (int)(count & ~Mlx5Wqe.MLX5_INLINE_SEG);
        bool isInline = (count & Mlx5Wqe.MLX5_INLINE_SEG) != 0;
        if (isInline && bytes > end - at - sizeof(uint))
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
        }

        if (bytes > frame.Length - length)
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
        }

        Span<byte> target = frame.Slice(length, bytes);
        length += bytes;
        if (isInline)
        {
            Copy(start + (uint)at + sizeof(uint), target);
            at += Align(sizeof(uint) + bytes);
            return 0;
        }

        at += SegmentBytes;
        if (bytes == 0)
        {
            return 0; // some drivers leave one behind a frame that is all inline
        }

        byte* source = memory.Translate(segment->lkey, _protectionDomain, segment->addr, (uint)bytes, MrAccess.None);
        if (source == null)
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
        }

        new ReadOnlySpan<byte>(source, bytes).CopyTo(target);
        return 0;
    }

    private static byte Finish(Span<byte> frame, ref int length, byte checksums)
    {
        if (length < EthernetHeader.Size)
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
        }

        if ((checksums & (Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM)) != 0)
        {
            ChecksumOffload.Apply(frame[..length],
                (checksums & Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM) != 0, (checksums & Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM) != 0);
        }

        if (length < EthernetHeader.MinFrameBytes)
        {
            frame[length..EthernetHeader.MinFrameBytes].Clear();
            length = EthernetHeader.MinFrameBytes;
        }

        return 0;
    }

    private static uint Start(ushort index) => (uint)index * Mlx5Wqe.MLX5_SEND_WQE_BB;

    private byte* At(uint offset) => _base + (offset & _mask);

    /// <summary>Copies bytes that may run over the ring's end.</summary>
    private void Copy(uint offset, Span<byte> target)
    {
        int whole = (int)Math.Min((uint)target.Length, _mask + 1 - (offset & _mask));
        new ReadOnlySpan<byte>(At(offset), whole).CopyTo(target);
        new ReadOnlySpan<byte>(_base, target.Length - whole).CopyTo(target[whole..]);
    }
}
