using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>A word of host memory by which the driver tells the NIC how far it has come in a ring; the NIC reads it when it likes.</summary>
/// <param name="address">As <c>mlx5dv_init_obj</c> told it; the ring's owner keeps it alive.</param>
internal readonly unsafe struct DoorbellRecord(Be32* address)
{
    /// <summary>Publishes a running count. What was written to the ring before is visible to the NIC before the count is.</summary>
    public void Publish(uint count) => Volatile.Write(ref *(uint*)address, new Be32(count).Raw);
}
