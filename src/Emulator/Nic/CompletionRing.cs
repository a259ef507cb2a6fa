using System.Numerics;
using System.Runtime.CompilerServices;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>The ring of a completion queue in the program's memory. Indices run freely; their next higher bit is the owner bit.</summary>
/// <remarks>An entry of 128 bytes is an entry of 64 bytes behind 64 bytes that mean nothing to an Ethernet queue.</remarks>
internal readonly unsafe struct CompletionRing(ulong address, int entries, int entryBytes, bool pads)
{
    private readonly byte* _base = (byte*)address;
    private readonly int _log2Entries = BitOperations.Log2((uint)entries);

    public uint Entries => 1u << _log2Entries;

    /// <summary>Where the entry of an index is.</summary>
    public mlx5_cqe64* this[uint index]
    {
        get
        {
            nuint slot = (nuint)(index & (Entries - 1)) * (nuint)entryBytes;
            return (mlx5_cqe64*)(_base + slot + entryBytes - sizeof(mlx5_cqe64));
        }
    }

    /// <summary>Hands the entry of an index to the program, which may read it as soon as its last byte is written.</summary>
    public void Publish(uint index, byte opcodeAndFlags)
    {
        mlx5_cqe64* entry = this[index];
        if (pads)
        {
            Unsafe.InitBlockUnaligned((byte*)entry - sizeof(mlx5_cqe64), 0, (uint)sizeof(mlx5_cqe64));
        }

        Volatile.Write(ref entry->op_own, (byte)(opcodeAndFlags | Owner(index)));
    }

    /// <summary>Whether a program that polls this index takes what lies there for a completion.</summary>
    public bool LooksValid(uint index)
    {
        byte last = Volatile.Read(ref this[index]->op_own);
        return last >> 4 != Mlx5Cqe.MLX5_CQE_INVALID && (last & Mlx5Cqe.MLX5_CQE_OWNER_MASK) == Owner(index);
    }

    /// <summary>A last byte that no program takes for that of an entry at this index: invalid, and of the other lap.</summary>
    public byte Unready(uint index) => (byte)((Mlx5Cqe.MLX5_CQE_INVALID << 4) | (Owner(index) ^ Mlx5Cqe.MLX5_CQE_OWNER_MASK));

    private uint Owner(uint index) => (index >> _log2Entries) & Mlx5Cqe.MLX5_CQE_OWNER_MASK;
}
