using Verbena.Packets;

namespace Verbena.Tests.Packets;

/// <summary>Makes packets of several buffers, as a receive queue does.</summary>
internal static class BufferChains
{
    /// <summary>Makes the buffer that the caller holds, and as many more as are needed, hold a copy of <paramref name="packet"/>.</summary>
    public static void SetChain(this BufferPool pool, BufferIndex first, ReadOnlySpan<byte> packet)
    {
        pool.SetPacket(first, packet[..Math.Min(packet.Length, BufferPool.DataBytes)]);
        pool.Header(first).ChainedBytes = (uint)(packet.Length - pool.Header(first).Length);
        BufferIndex last = first;
        for (packet = packet[pool.Header(first).Length..]; packet.Length > 0; packet = packet[pool.Header(last).Length..])
        {
            Assert.True(pool.TryTake(out BufferIndex next));
            pool.SetPacket(next, packet[..Math.Min(packet.Length, BufferPool.DataBytes)]);
            pool.Header(last).NextBuffer = next.Value;
            pool.Header(last).Flags |= BufferFlags.HasNext;
            last = next;
        }
    }
}
