using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>A send WQE as its control segment describes it.</summary>
/// <param name="Index">The block that it begins in, running.</param>
/// <param name="Units">Its length in units of 16 bytes, the control segment's own included.</param>
internal readonly record struct SendWqe(ushort Index, int Units)
{
    /// <summary>The bits of qpn_ds that hold the length.</summary>
    public const uint LengthMask = 0x3F;

    public const int UnitBytes = 16;

    /// <summary>The longest that its length can say.</summary>
    public const int MaxBytes = (int)LengthMask * UnitBytes;

    private const int UnitsPerBlock = Mlx5Wqe.MLX5_SEND_WQE_BB / UnitBytes;

    public int LengthBytes => Units * UnitBytes;

    /// <summary>Number of blocks that a WQE of <paramref name="units"/> takes.</summary>
    public static int Blocks(int units) => (units + UnitsPerBlock - 1) / UnitsPerBlock;
}
