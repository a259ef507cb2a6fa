using System.Runtime.Intrinsics.X86;

namespace Verbena.Driver.Direct;

/// <summary>The register by which the driver tells the NIC at once that there is something to send.</summary>
/// <remarks>
/// Only eight-byte doorbells to one address, never a whole WQE ("BlueField"): libmlx5 may have given the register to other
/// queue pairs of the process as well, and only an eight-byte store is atomic, so no lock is needed.
/// </remarks>
/// <param name="register">As <c>mlx5dv_init_obj</c> told it: write-combining memory of the device.</param>
internal readonly unsafe struct SendDoorbell(ulong* register)
{
    /// <summary>Rings with the first eight bytes of the last posted WQE. The doorbell record has been published before.</summary>
    public void Ring(ulong firstBytesOfWqe)
    {
        Fence(); // write-combining memory knows no order with the doorbell record
        Volatile.Write(ref *register, firstBytesOfWqe);
        Fence(); // out of the write-combining buffer, now
    }

    private static void Fence()
    {
        if (Sse.IsSupported)
        {
            Sse.StoreFence();
        }
        else
        {
            Interlocked.MemoryBarrier();
        }
    }
}
