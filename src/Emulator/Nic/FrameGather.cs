using System.Buffers.Binary;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Uverbs;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Makes frames of send WQEs: one of a SEND, one for each data segment of a multi-packet WQE, one for each piece of a TSO.</summary>
/// <remarks>A WQE that makes several is under way between two calls.</remarks>
internal sealed unsafe class FrameGather(SendRing ring, NicModel model, PortCounters counters)
{
    private const byte BadWqe = Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    private const byte TooLong = Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;

    private bool _isUnderWay;
    private SegmentCursor _cursor;
    private FrameHeaders _headers;
    private int _headerBytes;
    private long _payloadBytes;
    private int _payloadSent;
    private int _segment;

    /// <summary>Forgets the WQE that is under way.</summary>
    public void Abandon() => _isUnderWay = false;

    /// <summary>Builds the frame of a SEND: inline header, then each data segment.</summary>
    /// <returns>0, or the syndrome of the error. A frame that is dropped, and counted, has length 0.</returns>
    public byte Send(SendWqe wqe, Span<byte> room, out int length)
    {
        length = 0;
        mlx5_wqe_eth_seg* ethernet = ring.Ethernet(wqe.Index);
        ushort inline = ethernet->inline_hdr_sz;
        bool isTagged = (inline & Mlx5Prm.MLX5_ETH_WQE_INSERT_VLAN) != 0;
        Span<byte> untagged = isTagged ? room[VlanTag.Size..] : room;
        if (!TryReadInlineHeader(wqe, isTagged ? 0 : inline, untagged, out SegmentCursor cursor, out int gathered))
        {
            return BadWqe;
        }

        if (gathered < model.MinimumInlineBytes && ring.CountBytes(cursor) > 0)
        {
            counters.Add(PortCounter.QueueSent);
            counters.Add(PortCounter.TxInlineTooShort);
            return 0;
        }

        byte syndrome = Gather(ref cursor, untagged, ref gathered);
        if (syndrome != 0)
        {
            return syndrome;
        }

        if (!cursor.IsAtEnd)
        {
            return TooLong;
        }

        if (isTagged && gathered >= EthernetHeader.Size)
        {
            InsertTag(room, inline, ethernet->insert_vlan_tci);
            gathered += VlanTag.Size;
        }

        return Finish(room, gathered, ethernet, out length);
    }

    /// <summary>Builds the frame of the next data segment of a multi-packet WQE.</summary>
    /// <param name="wqe">The one that is under way, if any is.</param>
    /// <param name="kind">MLX5_IB_SUPPORT_EMPW or, for a legacy one, MLX5_IB_ALLOW_MPW.</param>
    /// <param name="room">Where the frame goes.</param>
    /// <param name="length">Its length.</param>
    /// <param name="isLast">Whether the WQE is done.</param>
    /// <returns>0, or the syndrome of the error.</returns>
    public byte NextPacket(SendWqe wqe, uint kind, Span<byte> room, out int length, out bool isLast)
    {
        (length, isLast) = (0, true);
        mlx5_wqe_eth_seg* ethernet = ring.Ethernet(wqe.Index);
        if (!_isUnderWay)
        {
            _cursor = new SegmentCursor(wqe, 2 * SendWqe.UnitBytes);
        }

        if (_cursor.IsAtEnd || ethernet->inline_hdr_sz != 0 || (model.MultiPacketSend & kind) == 0)
        {
            return BadWqe;
        }

        byte syndrome = ring.Take(ref _cursor, room, out int gathered);
        if (syndrome != 0)
        {
            return syndrome;
        }

        if (_cursor.Taken != 0)
        {
            return TooLong;
        }

        if (kind == Mlx5Abi.MLX5_IB_ALLOW_MPW && gathered != ethernet->mss)
        {
            return BadWqe;
        }

        isLast = _cursor.IsAtEnd;
        _isUnderWay = !isLast;
        return Finish(room, gathered, ethernet, out length);
    }

    /// <summary>Builds the next segment of a TSO: the headers, and as much payload as the WQE says.</summary>
    /// <returns>0, or the syndrome of the error.</returns>
    public byte NextSegment(SendWqe wqe, Span<byte> room, out int length, out bool isLast)
    {
        (length, isLast) = (0, true);
        mlx5_wqe_eth_seg* ethernet = ring.Ethernet(wqe.Index);
        if (!TryReadInlineHeader(wqe, ethernet->inline_hdr_sz, room, out SegmentCursor cursor, out int gathered))
        {
            return BadWqe;
        }

        byte syndrome = _isUnderWay ? (byte)0 : Begin(room[..gathered], cursor, ethernet);
        if (syndrome != 0)
        {
            return syndrome;
        }

        int mostBytes = gathered + ethernet->mss;
        if (gathered != _headerBytes || mostBytes > room.Length)
        {
            return gathered != _headerBytes ? BadWqe : TooLong;
        }

        syndrome = Gather(ref _cursor, room[..mostBytes], ref gathered);
        if (syndrome != 0)
        {
            return syndrome;
        }

        int payload = gathered - _headerBytes;
        isLast = _cursor.IsAtEnd || _payloadSent + payload >= _payloadBytes;
        _isUnderWay = !isLast;
        TcpSegment.Complete(room[..gathered], _headers, _segment++, _payloadSent, isLast);
        _payloadSent += payload;
        ChecksumOffload.Apply(room[..gathered], _headers, ethernet->cs_flags);
        length = FrameBatch.Pad(room, gathered);
        return 0;
    }

    /// <summary>Takes note of a TSO's headers, which must be the inline header exactly, and of its payload.</summary>
    private byte Begin(ReadOnlySpan<byte> header, SegmentCursor cursor, mlx5_wqe_eth_seg* ethernet)
    {
        _headers = Parse(header, ethernet);
        HeaderLayer tcp = _headers.Innermost;
        bool isTcp = tcp.Transport == IpProtocol.Tcp && tcp.TransportOffset + ((header[tcp.TransportOffset + 12] >> 4) * 4) == header.Length;
        if (!isTcp || ethernet->mss == 0)
        {
            return BadWqe;
        }

        _payloadBytes = ring.CountBytes(cursor);
        (_cursor, _headerBytes, _payloadSent, _segment, _isUnderWay) = (cursor, header.Length, 0, 0, true);
        return _payloadBytes > model.MaxTsoBytes ? TooLong : (byte)0;
    }

    /// <summary>False if the header is longer than the WQE.</summary>
    private bool TryReadInlineHeader(SendWqe wqe, int inline, Span<byte> room, out SegmentCursor cursor, out int gathered)
    {
        const int InSegment = 2; // bytes of the Ethernet segment's own unit
        int more = (Math.Max(inline - InSegment, 0) + SendWqe.UnitBytes - 1) & -SendWqe.UnitBytes;
        cursor = new SegmentCursor(wqe, (2 * SendWqe.UnitBytes) + more);
        gathered = inline;
        if (cursor.LeftBytes < 0)
        {
            return false;
        }

        if (inline > 0)
        {
            ring.CopyInlineHeader(wqe.Index, room[..inline]);
        }

        return true;
    }

    /// <summary>Appends segments until none is left, or no room.</summary>
    private byte Gather(ref SegmentCursor cursor, Span<byte> room, ref int gathered)
    {
        while (!cursor.IsAtEnd && gathered < room.Length)
        {
            byte syndrome = ring.Take(ref cursor, room[gathered..], out int copied);
            if (syndrome != 0)
            {
                return syndrome;
            }

            gathered += copied;
        }

        return 0;
    }

    /// <summary>Moves the addresses to the front and writes the tag behind them.</summary>
    private static void InsertTag(Span<byte> room, ushort insertion, ushort tag)
    {
        room.Slice(VlanTag.Size, VlanTag.Offset).CopyTo(room);
        ushort type = (insertion & Mlx5Prm.MLX5_ETH_WQE_SVLAN) != 0 ? EtherType.ServiceVlan : EtherType.Vlan;
        BinaryPrimitives.WriteUInt16BigEndian(room[VlanTag.Offset..], type);
        BinaryPrimitives.WriteUInt16BigEndian(room[(VlanTag.Offset + 2)..], tag);
    }

    private static byte Finish(Span<byte> room, int gathered, mlx5_wqe_eth_seg* ethernet, out int length)
    {
        length = 0;
        if (gathered < EthernetHeader.Size)
        {
            return BadWqe;
        }

        byte flags = ethernet->cs_flags;
        if ((flags & ChecksumOffload.All) != 0)
        {
            Span<byte> frame = room[..gathered];
            ChecksumOffload.Apply(frame, Parse(frame, ethernet), flags);
        }

        length = FrameBatch.Pad(room, gathered);
        return 0;
    }

    private static FrameHeaders Parse(ReadOnlySpan<byte> frame, mlx5_wqe_eth_seg* ethernet)
    {
        FrameHeaders headers = FrameHeaders.Parse(frame);
        if (ethernet->swp_offsets.Raw != 0)
        {
            headers.Complement(frame, ethernet->swp_offsets, ethernet->swp_flags);
        }

        return headers;
    }
}
