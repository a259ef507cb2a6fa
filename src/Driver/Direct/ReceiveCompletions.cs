using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>
/// Reads a receive queue's completions, compressed or not, and gives them as two dense arrays: byte counts as the NIC
/// reports them, and what is known of the packets. So what follows has no branch for each packet and reads one line for sixteen.
/// </summary>
/// <remarks>A completion with an error is given alone, in its turn.</remarks>
internal sealed unsafe class ReceiveCompletions : IDisposable
{
    private const int Batch = 256; // a frame of the graph
    private const byte Received = Mlx5Cqe.MLX5_CQE_RESP_SEND << 4;
    private const byte Solicited = 1 << 1; // in op_own; nothing here depends on it

    private readonly uint _longestSession;
    private readonly uint* _byteCounts;
    private readonly BufferFlags* _flags;
    private readonly PacketMetadata* _metadata; // null unless asked for
    private readonly bool _hashInMinis;
    private readonly WrittenSlots _written;
    private CompletionRing _ring;
    private uint _noted; // completions before this one are in _written
    private int _first; // those not yet given
    private int _count;
    private int _given; // by the last Poll

    /// <param name="memory">The completion queue. It outlives this object's use.</param>
    /// <param name="longestSession">The longest compressed session that there can be; 0: there are none.</param>
    /// <param name="metadata">True if <see cref="Metadata"/> is wanted.</param>
    /// <param name="hashInMinis">True if the queue's compression format is HASH.</param>
    public ReceiveCompletions(in mlx5dv_cq memory, uint longestSession, bool metadata, bool hashInMinis)
    {
        _ring = new CompletionRing(memory);
        _written = new WrittenSlots(memory.cqe_cnt);
        _longestSession = Math.Max(longestSession, 1);
        _hashInMinis = hashInMinis;
        nuint capacity = Batch + _longestSession + MiniCqes.PerSlot; // a session may begin at the batch's last place, and whole slots are written
        _byteCounts = (uint*)NativeMemory.AlignedAlloc(capacity * sizeof(uint), 64);
        _flags = (BufferFlags*)NativeMemory.AlignedAlloc(capacity * sizeof(BufferFlags), 64);
        _metadata = metadata ? (PacketMetadata*)NativeMemory.AlignedAlloc(capacity * (nuint)sizeof(PacketMetadata), 64) : null;
    }

    /// <summary>Byte counts of the last <see cref="Poll"/>, in host order: the length, and in a striding queue strides and filler bit.</summary>
    public uint* ByteCounts => _byteCounts + _first - _given;

    /// <summary>Flags of the last <see cref="Poll"/>.</summary>
    public BufferFlags* Flags => _flags + _first - _given;

    /// <summary>What else is known of each of the last <see cref="Poll"/>; null if it was not asked for.</summary>
    public PacketMetadata* Metadata => _metadata == null ? null : _metadata + _first - _given;

    /// <summary>If the last <see cref="Poll"/> gave nothing: the error that comes next, or SUCCESS if there is none. It counts as taken.</summary>
    public CompletionError Error { get; private set; }

    /// <summary>In a striding queue, the strides that the completion in <see cref="Error"/> has used.</summary>
    /// <remarks>
    /// mlx5dv.h calls these bytes of <c>mlx5_err_cqe</c> reserved, but the NIC fills them where the queue goes on: DPDK's mlx5 driver
    /// (drivers/net/mlx5/mlx5_rx.c, mlx5_rx_poll_len) finds its place by them, too.
    /// </remarks>
    public uint ErrorByteCount { get; private set; }

    /// <summary>Takes up to <paramref name="max"/> completions and returns how many; none tells of an error.</summary>
    public int Poll(int max)
    {
        if (_first == _count)
        {
            Read();
        }

        _given = Math.Min(max, _count - _first);
        _first += _given;
        return _given;
    }

    /// <summary>Asks for an event at the next completion that is not read yet, after so many more events have come.</summary>
    public void Arm(uint events) => _ring.Arm(events);

    /// <summary>Forgets all that is in the queue, after it was reset.</summary>
    public void Drain()
    {
        _ring.Drain();
        (_first, _count, _given) = (0, 0, 0);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_byteCounts);
        NativeMemory.AlignedFree(_flags);
        NativeMemory.AlignedFree(_metadata);
        _written.Dispose();
    }

    private void Read()
    {
        CompletionRing ring = _ring;
        uint index = ring.Index;
        int count = 0;
        Error = default;
        while (count < Batch)
        {
            mlx5_cqe64* entry = ring.Entry(index);
            byte opOwn = CompletionRing.ReadOpOwn(entry);
            byte received = (byte)(Received | ring.OwnerAt(index));
            if ((opOwn & ~Solicited) == received)
            {
                if (_metadata == null && TryReadSeveral(ring, index, received, count))
                {
                    count += PlainCqes.Count;
                    index += PlainCqes.Count;
                    continue;
                }

                _byteCounts[count] = entry->byte_cnt;
                _flags[count] = FlagsOf(entry);
                if (_metadata != null)
                {
                    _metadata[count] = PacketMetadata.Of(entry);
                }

                count++;
                index++;
                continue;
            }

            if (!ring.IsValid(opOwn, index))
            {
                break;
            }

            uint length = entry->byte_cnt;
            if (CompletionRing.IsCompressed(opOwn) && length - 1 < _longestSession)
            {
                Expand(ring, index, count, length);
                count += (int)length;
                index += length;
                continue;
            }

            if (count == 0)
            {
                (Error, ErrorByteCount) = (CompletionRing.ErrorOf(entry), entry->byte_cnt);
                index++;
            }

            break;
        }

        (_first, _count) = (0, count);
        if (index != ring.Index)
        {
            _ring.Consume(index);
            NoteBeforeWrap(index);
        }
    }

    // 2^32 completions without a session would look like none, and stale slots behind the next title stay valid.
    private void NoteBeforeWrap(uint index)
    {
        if (index - _noted >= 1u << 31)
        {
            _written.Add(_noted, index);
            _noted = index;
        }
    }

    // The last of them is looked at first: a line that the NIC is about to write costs both sides much.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadSeveral(in CompletionRing ring, uint index, byte received, int place) =>
        PlainCqes.IsSupported && place <= Batch - PlainCqes.Count && ring.HasStraight(index, PlainCqes.Count)
        && (CompletionRing.ReadOpOwn(ring.Entry(index + PlainCqes.Count - 1)) & ~Solicited) == received
        && PlainCqes.TryRead(ring.Entry(index), received, _byteCounts + place, _flags + place);

    /// <summary>A title at <paramref name="index"/>, of the form of its own packet's completion, and eight minis in each slot that follows at 1, 8, 16, ...</summary>
    private void Expand(in CompletionRing ring, uint index, int place, uint length)
    {
        mlx5_cqe64* title = ring.Entry(index);
        BufferFlags flags = FlagsOf(title);
        Prefetch(ring, index, length);
        _written.Add(_noted, index + 1);
        for (uint i = 0; i < length; i += MiniCqes.PerSlot)
        {
            uint slot = index + Math.Max(i, 1);
            mlx5_cqe64* minis = ring.Entry(slot);
            MiniCqes.ReadByteCounts(minis, _byteCounts + place + i);
            new Span<BufferFlags>(_flags + place + i, MiniCqes.PerSlot).Fill(flags);
            if (_metadata != null)
            {
                ExpandMetadata(title, (Be32*)minis, _metadata + place + i);
            }

            _written.Add(slot, slot + 1);
        }

        _noted = index + length;
        _written.Invalidate(ring, index + 1, _noted);
    }

    /// <summary>Fetches the lines of a session together: the NIC's processor has written them, and each takes long.</summary>
    private static void Prefetch(in CompletionRing ring, uint index, uint length)
    {
        for (uint i = MiniCqes.PerSlot; Sse.IsSupported && i < length; i += MiniCqes.PerSlot)
        {
            Sse.Prefetch0(ring.Entry(index + i));
        }
    }

    private void ExpandMetadata(mlx5_cqe64* title, Be32* minis, PacketMetadata* metadata)
    {
        PacketMetadata common = PacketMetadata.Of(title);
        for (int i = 0; i < MiniCqes.PerSlot; i++)
        {
            metadata[i] = common with { RssHash = _hashInMinis ? minis[2 * i].Value : 0 };
        }
    }

    /// <summary>The NIC has verified the checksum of an IPv4 header, not merely found that IPv6 has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static BufferFlags FlagsOf(mlx5_cqe64* entry)
    {
        const int Ip4 = Mlx5Cqe.MLX5_CQE_L3_HDR_TYPE_IPV4 << 2;
        int header = entry->l4_hdr_type_etc & (3 << 2);
        int good = entry->hds_ip_ext & Mlx5Cqe.MLX5_CQE_L3_OK;
        return header == Ip4 && good != 0 ? BufferFlags.Ip4ChecksumGood : BufferFlags.None;
    }
}
