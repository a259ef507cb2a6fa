using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Takes completions from a ring as a driver on Direct Verbs does, those of compressed sessions one by one.</summary>
/// <param name="ring">The entries.</param>
/// <param name="record">The consumer index's doorbell record.</param>
/// <param name="entries">How many, a power of two.</param>
/// <param name="entryBytes">64 or 128.</param>
/// <param name="format">What minis hold.</param>
/// <param name="isStriding">Whether the completions are those of a striding queue.</param>
internal sealed unsafe class CompletionReader(byte* ring, Be32* record, int entries, int entryBytes, CqeCompressionFormat format, bool isStriding)
{
    private const byte Invalid = 0xF0;
    private uint _consumer;

    /// <summary>Whether the entries of compressed completions are made invalid, as they must.</summary>
    public bool Invalidates { get; set; } = true;

    /// <summary>Whether the index is published without the mask of the bits that count.</summary>
    public bool RunsOn { get; set; }

    public mlx5_cqe64* Entry(uint index) => (mlx5_cqe64*)(ring + ((index & (entries - 1)) * entryBytes) + entryBytes - 64);

    /// <summary>Gives what each completion says to <paramref name="take"/>, and whether it came compressed.</summary>
    public void TakeAll(Action<mlx5_cqe64, bool> take)
    {
        while (IsValid(_consumer))
        {
            mlx5_cqe64 first = *Entry(_consumer);
            if (((first.op_own >> 2) & 3) == 3)
            {
                TakeSession(first, take);
            }
            else
            {
                take(first, false);
                _consumer++;
            }
        }

        *record = RunsOn ? _consumer : _consumer & 0xFF_FFFF;
    }

    private bool IsValid(uint index)
    {
        byte last = Volatile.Read(ref Entry(index)->op_own);
        return last >> 4 != Mlx5Cqe.MLX5_CQE_INVALID && (last & 1) == ((index / (uint)entries) & 1);
    }

    private void TakeSession(mlx5_cqe64 title, Action<mlx5_cqe64, bool> take)
    {
        uint count = title.byte_cnt;
        Assert.InRange(count, 2u, 64u);
        uint strides = 0;
        for (uint i = 0; i < count; i++)
        {
            var array = (Be32*)Entry(_consumer + (i < 8 ? 1 : i & ~7u));
            (uint first, uint byteCount) = (array[i % 8 * 2], array[(i % 8 * 2) + 1]);
            mlx5_cqe64 completion = title;
            completion.op_own = 2 << 4;
            completion.byte_cnt = byteCount;
            completion.wqe_counter = (ushort)(title.wqe_counter + (isStriding ? strides : i));
            strides += (byteCount >> 16) & 0x3FFF;
            if (format == CqeCompressionFormat.Hash)
            {
                completion.rx_hash_result = first;
            }
            else
            {
                completion.check_sum = (ushort)(first >> 16);
            }

            if (format == CqeCompressionFormat.ChecksumStrideIndex)
            {
                completion.wqe_counter = (ushort)first;
            }

            take(completion, true);
        }

        for (uint i = 1; i < count && Invalidates; i++)
        {
            Entry(_consumer + i)->op_own = Invalid;
        }

        _consumer += count;
    }
}
