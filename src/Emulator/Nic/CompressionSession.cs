using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Completions that the NIC holds back for a moment, to write several as one title and arrays of eight bytes for each.</summary>
/// <remarks>
/// The basic layout: N completions take N entries. The first is the title, the first completion with format 3 and N in place of
/// its length. Minis 0 to 7 are in entry 1, minis 8j to 8j + 7 in entry 8j. The entries between stay as they are: what an
/// earlier lap left in them is the program's to make invalid.
/// </remarks>
internal sealed unsafe class CompressionSession(CqeCompressionFormat format)
{
    /// <summary>The most completions of one session (mlx5_ib_cqe_comp_caps.max_num).</summary>
    public const int MaxCompletions = 64;

    private const int MinisPerArray = 8;
    private const byte CompressedFormat = 3; // in bits 3:2 of op_own; rdma-core's headers do not name it

    /// <summary>The bytes of a completion that only the title tells: they are the same for all.</summary>
    private static readonly Vector512<byte> s_told = ToldByTitle();

    private readonly byte[] _memory = GC.AllocateArray<byte>(2 * sizeof(mlx5_cqe64), pinned: true);
    private readonly MiniCompletion[] _minis = new MiniCompletion[MaxCompletions];
    private int _nextInMemory;
    private ushort _expectedCounter; // of the next completion, where minis do not tell it

    /// <summary>How many completions are held back.</summary>
    public int Count { get; private set; }

    /// <summary>Where the next completion is to be filled in.</summary>
    public mlx5_cqe64* Next => InMemory(_nextInMemory);

    /// <summary>The first completion that is held back.</summary>
    public mlx5_cqe64* Title => InMemory(1 - _nextInMemory);

    /// <summary>Takes what was filled in at <see cref="Next"/>; false if it can't be told by a mini of this session.</summary>
    public bool TryAdd()
    {
        mlx5_cqe64* added = Next;
        if (Count == 0)
        {
            _nextInMemory = 1 - _nextInMemory;
        }
        else if (Count == MaxCompletions || !Agrees(added))
        {
            return false;
        }

        _minis[Count++] = Mini(added);
        _expectedCounter = (ushort)(added->wqe_counter + Math.Max(StridingByteCount.Strides(added->byte_cnt), 1));
        return true;
    }

    /// <summary>Writes what is held back to the entries from <paramref name="first"/> on, all but the last byte of the first.</summary>
    /// <returns>The upper bits of that last byte.</returns>
    public byte Write(in CompletionRing ring, uint first)
    {
        Debug.Assert(Count > 0, "there is something to write");
        mlx5_cqe64* title = Title;
        byte formatBits = 0;
        if (Count > 1)
        {
            for (int mini = 0; mini < Count; mini += MinisPerArray)
            {
                WriteArray(ring[first + (uint)Math.Max(mini, 1)], mini);
            }

            title->byte_cnt = (uint)Count;
            formatBits = CompressedFormat << 2;
        }

        mlx5_cqe64* entry = ring[first];
        title->op_own = entry->op_own; // the program may be reading it
        *entry = *title;
        Count = 0;
        return (byte)((Mlx5Cqe.MLX5_CQE_RESP_SEND << 4) | formatBits);
    }

    private mlx5_cqe64* InMemory(int which) =>
        (mlx5_cqe64*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)) + which;

    /// <summary>Whether the title tells all of this completion that its mini does not.</summary>
    private bool Agrees(mlx5_cqe64* added)
    {
        Vector512<byte> differing = Vector512.Load((byte*)added) ^ Vector512.Load((byte*)Title);
        bool inOrder = format == CqeCompressionFormat.ChecksumStrideIndex || added->wqe_counter == _expectedCounter;
        return inOrder && (differing & s_told) == Vector512<byte>.Zero;
    }

    private MiniCompletion Mini(mlx5_cqe64* added) => new()
    {
        First = format == CqeCompressionFormat.Hash
            ? added->rx_hash_result
            : ((uint)added->check_sum << 16) | (format == CqeCompressionFormat.ChecksumStrideIndex ? (uint)added->wqe_counter : 0),
        ByteCount = added->byte_cnt,
    };

    /// <summary>An array is written whole; minis that do not belong to the session are zero.</summary>
    private void WriteArray(mlx5_cqe64* entry, int firstMini)
    {
        var array = new Span<MiniCompletion>(entry, MinisPerArray);
        ReadOnlySpan<MiniCompletion> minis = _minis.AsSpan(firstMini, Math.Min(Count - firstMini, MinisPerArray));
        minis.CopyTo(array);
        array[minis.Length..].Clear();
    }

    /// <summary>All but what minis carry, the time stamp, which is the title's alone, and what belongs to the entry.</summary>
    private static Vector512<byte> ToldByTitle()
    {
        mlx5_cqe64 told = default;
        var bytes = new Span<byte>(&told, sizeof(mlx5_cqe64));
        bytes.Fill(0xFF);
        told.rx_hash_result = 0;
        told.check_sum = 0;
        told.byte_cnt = 0;
        told.timestamp = 0;
        told.wqe_counter = 0;
        told.signature = 0;
        told.op_own = 0;
        return Vector512.Create<byte>(bytes);
    }

    /// <summary>What is left of a completion: hash, or checksum and stride index; then the byte count.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MiniCompletion
    {
        public Be32 First;
        public Be32 ByteCount;
    }
}
