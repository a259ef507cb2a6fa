using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>Writes packets as WQEs.</summary>
/// <param name="ring">Where to.</param>
/// <param name="pool">Where the packets are.</param>
/// <param name="localKey">The pool's memory region.</param>
internal readonly unsafe struct SendWriter<TForm>(SendRing ring, BufferPool pool, uint localKey)
    where TForm : struct, ISendForm
{
    private const int HeaderSegments = 2;   // control and Ethernet
    private const int MaxSegments = 60;     // of a WQE: 63 by its length field, and a whole number of blocks
    private readonly uint _localKey = new Be32(localKey).Raw;

    /// <summary>
    /// Writes one WQE for as many of <paramref name="packets"/> as it can hold, and returns for how many; 0 if there is no room.
    /// </summary>
    /// <param name="packets">What is to be sent, in order.</param>
    /// <param name="sent">The buffers that the NIC has; those of the WQE are added.</param>
    /// <param name="bytes">Grows by the packets' lengths.</param>
    public int Write(ReadOnlySpan<BufferIndex> packets, ref BufferRing sent, ref ulong bytes)
    {
        ref BufferHeader first = ref pool.Header(packets[0]);
        bool single = !TForm.Enhanced || (first.Flags & (BufferFlags.HasNext | BufferFlags.SegmentTcp)) != BufferFlags.None;
        return single ? WriteOne(packets[0], ref first, ref sent, ref bytes) : WriteMany(packets, first.Flags, ref sent, ref bytes);
    }

    private int WriteMany(ReadOnlySpan<BufferIndex> packets, BufferFlags flags, ref BufferRing sent, ref ulong bytes)
    {
        const BufferFlags Same = BufferFlags.Offloads | BufferFlags.HasNext;
        flags &= Same;
        int max = Math.Min(Math.Min(packets.Length, MaxSegments - HeaderSegments), Math.Min(sent.Free, ring.FreeSegments - HeaderSegments));
        int count = 0;
        ulong total = 0;
        for (; count < max; count++)
        {
            ref BufferHeader header = ref pool.Header(packets[count]);
            if ((header.Flags & Same) != flags)
            {
                break;
            }

            Debug.Assert(header.Length >= EthernetHeader.Size, "a frame has at least its header");
            WriteData(HeaderSegments + count, pool.PacketAddress(packets[count]), header.Length);
            total += header.Length;
        }

        if (count > 0)
        {
            uint start = sent.Next;
            WriteEthernet(flags, 0, 0);
            sent.Add(packets[..count]);
            ring.Append(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW, HeaderSegments + count, start, sent.Next);
            bytes += total;
        }

        return count;
    }

    private int WriteOne(BufferIndex packet, ref BufferHeader header, ref BufferRing sent, ref ulong bytes)
    {
        bool segments = (header.Flags & BufferFlags.SegmentTcp) != BufferFlags.None;
        int inline = Math.Min(segments ? header.SegmentHeaderBytes : TForm.InlineBytes, header.Length);
        int inlineSegments = inline <= 2 ? 0 : (inline - 2 + SendRing.SegmentBytes - 1) / SendRing.SegmentBytes;
        int buffers = CountBuffers(packet);
        if (buffers > sent.Free || HeaderSegments + inlineSegments + buffers > Math.Min(MaxSegments, ring.FreeSegments))
        {
            return 0;
        }

        uint start = sent.Next;
        WriteEthernet(header.Flags, inline, segments ? header.SegmentBytes : 0);
        WriteInline(pool.PacketAddress(packet), inline);
        int segment = HeaderSegments + inlineSegments;
        int skip = inline;
        do
        {
            ref BufferHeader part = ref pool.Header(packet);
            if (part.Length > skip)
            {
                WriteData(segment++, pool.PacketAddress(packet) + skip, (uint)(part.Length - skip));
            }

            bytes += part.Length;
            sent.Add(new ReadOnlySpan<BufferIndex>(in packet));
            skip = 0;
        }
        while (pool.MoveNext(ref packet));

        ring.Append(segments ? Mlx5Wqe.MLX5_OPCODE_TSO : Mlx5Wqe.MLX5_OPCODE_SEND, segment, start, sent.Next);
        return 1;
    }

    private int CountBuffers(BufferIndex packet)
    {
        int count = 1;
        while (pool.MoveNext(ref packet))
        {
            count++;
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteData(int segment, byte* address, uint length) => *(Vector128<ulong>*)ring.Segment(segment) =
        Vector128.Create(new Be32(length).Raw | ((ulong)_localKey << 32), new Be64((ulong)address).Raw);

    private void WriteEthernet(BufferFlags flags, int inlineBytes, int segmentBytes)
    {
        flags |= segmentBytes > 0 ? BufferFlags.OffloadIp4Checksum | BufferFlags.OffloadL4Checksum : BufferFlags.None;
        byte checksums = (byte)(((flags & BufferFlags.OffloadIp4Checksum) != BufferFlags.None ? Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM : 0)
            | ((flags & BufferFlags.OffloadL4Checksum) != BufferFlags.None ? Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM : 0));
        ulong first = ((ulong)checksums << 32) | ((ulong)new Be16((ushort)segmentBytes).Raw << 48);
        ulong second = (ulong)new Be16((ushort)inlineBytes).Raw << 32;
        *(Vector128<ulong>*)ring.Segment(1) = Vector128.Create(first, second);
    }

    /// <summary>The first two bytes lie in the Ethernet segment, the others in those behind it, round the ring's end if need be.</summary>
    private void WriteInline(byte* bytes, int count)
    {
        byte* start = (byte*)ring.Segment(1) + 14;
        for (int i = 0; i < count; i++)
        {
            if (i >= 2 && (i - 2) % SendRing.SegmentBytes == 0)
            {
                start = (byte*)ring.Segment(HeaderSegments + ((i - 2) / SendRing.SegmentBytes)) - i;
            }

            start[i] = bytes[i];
        }
    }
}
