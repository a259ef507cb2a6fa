using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>A receive queue's ring in the program's memory: WQEs that list the buffers to fill, one after the other.</summary>
internal sealed unsafe class ReceiveRing(WorkQueueParameters parameters, MemoryTable memory)
{
    private const int PrefetchDistance = 16;

    private readonly byte* _base = (byte*)parameters.BufferAddress;
    private readonly uint _mask = (uint)parameters.Entries - 1;
    private readonly int _entryLog2 = parameters.StrideLog2;
    private readonly uint _protectionDomain = parameters.ProtectionDomain;

    /// <summary>In a striding queue a header precedes the list: the next WQE's index, which a cyclic queue does not need.</summary>
    private readonly int _headerBytes = parameters.Striding is null ? 0 : sizeof(mlx5_wqe_srq_next_seg);

    /// <summary>The list of a WQE's buffers, as far as there is room for one.</summary>
    public ReadOnlySpan<mlx5_wqe_data_seg> Segments(ushort index)
    {
        byte* entry = Entry(index);
        return new ReadOnlySpan<mlx5_wqe_data_seg>(entry + _headerBytes, ((1 << _entryLog2) - _headerBytes) / sizeof(mlx5_wqe_data_seg));
    }

    /// <summary>Writes <paramref name="data"/> to the buffers of a WQE, from an offset in their sum on.</summary>
    /// <returns>0, or the syndrome of the error.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public byte Scatter(ushort index, uint offsetBytes, ReadOnlySpan<byte> data)
    {
        byte* entry = Entry(index);
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Entry((ushort)(index + PrefetchDistance))); // the program's processor has written it
        }

        var end = (mlx5_wqe_data_seg*)(entry + (1 << _entryLog2));
        for (var segment = (mlx5_wqe_data_seg*)(entry + _headerBytes); data.Length > 0; segment++)
        {
            // A list ends at the invalid lkey or at a length of 0, which some drivers leave behind a valid lkey.
            if (segment == end || segment->lkey == Mlx5Wqe.MLX5_INVALID_LKEY || segment->byte_count == 0)
            {
                return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
            }

            uint length = segment->byte_count & ~Mlx5Wqe.MLX5_INLINE_SEG;
            if (offsetBytes >= length)
            {
                offsetBytes -= length;
                continue;
            }

            byte* buffer = memory.Translate(segment->lkey, _protectionDomain, segment->addr, length, MrAccess.LocalWrite);
            if (buffer == null)
            {
                return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
            }

            int taken = (int)Math.Min(length - offsetBytes, (uint)data.Length);
            data[..taken].CopyTo(new Span<byte>(buffer + offsetBytes, taken));
            data = data[taken..];
            offsetBytes = 0;
        }

        return 0;
    }

    private byte* Entry(ushort index) => _base + ((nuint)(index & _mask) << _entryLog2);
}
