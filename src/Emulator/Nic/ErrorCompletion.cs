using System.Runtime.CompilerServices;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>The error form of a completion, the same for both directions.</summary>
internal static unsafe class ErrorCompletion
{
    /// <summary>Fills all of <paramref name="entry"/> but its last byte, which the program may be reading.</summary>
    public static void Fill(mlx5_cqe64* entry, uint userIndex, byte syndrome, uint opcodeAndNumber, ushort wqeCounter)
    {
        Unsafe.InitBlockUnaligned(entry, 0, (uint)sizeof(mlx5_cqe64) - 1);
        var error = (mlx5_err_cqe*)entry;
        error->srqn = userIndex;
        error->syndrome = syndrome;
        error->s_wqe_opcode_qpn = opcodeAndNumber;
        error->wqe_counter = wqeCounter;
    }
}
