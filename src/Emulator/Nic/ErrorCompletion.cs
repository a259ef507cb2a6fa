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
        error->vendor_err_synd = VendorSyndrome(syndrome);
        error->syndrome = syndrome;
        error->s_wqe_opcode_qpn = opcodeAndNumber;
        error->wqe_counter = wqeCounter;
    }

    /// <summary>The code beside the syndrome, of which there is no list: these are seen in reports of ConnectX users. 0 where none was found.</summary>
    private static byte VendorSyndrome(byte syndrome) => syndrome switch
    {
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR => 0x61,
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR => 0x52,
        Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR => 0xF9,
        _ => 0,
    };
}
