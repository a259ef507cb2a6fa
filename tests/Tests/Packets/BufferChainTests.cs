using System.Runtime.InteropServices;
using CsCheck;
using Verbena.Packets;

namespace Verbena.Tests.Packets;

public sealed class BufferChainTests
{
    private const int PoolSize = 8;
    private static readonly Gen<byte[]> s_packets = Gen.Byte.Array[0, 5 * BufferPool.DataBytes];

    [Fact]
    public void A_packet_of_any_length_is_kept_whole_and_cut_to_any_length() => Gen.Select(s_packets, Gen.Double[0, 1], Gen.Double[0, 1]).Sample((bytes, cut, at) =>
    {
        using var pool = new BufferPool(PoolSize);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetChain(packet, bytes);
        Assert.Equal(bytes.Length, pool.PacketBytes(packet));

        int left = (int)(cut * bytes.Length);
        pool.Truncate(packet, left);

        Assert.Equal(left, pool.PacketBytes(packet));
        Assert.Equal(PoolSize - Math.Max(1, (left + BufferPool.DataBytes - 1) / BufferPool.DataBytes), pool.FreeCount);
        int offset = (int)(at * left);
        byte[] copied = new byte[left - offset];
        pool.CopyTo(packet, offset, copied);
        Assert.Equal(bytes[offset..left], copied);

        pool.ReturnPackets([packet]);
        Assert.Equal(PoolSize, pool.FreeCount);
    });

    [Fact]
    public void What_is_appended_to_a_packet_fills_its_buffers_one_after_the_other() => Gen.Select(Gen.Byte.Array[1, 3000], s_packets.Array[1, 3], Gen.Int[0, 40]).Sample((bytes, others, offset) =>
    {
        using var pool = new BufferPool(32);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetChain(packet, bytes);
        pool.Truncate(packet, Math.Min(bytes.Length, 100)); // what the header says of a chain is stale then
        pool.Advance(packet, Math.Min(bytes.Length, 14));
        byte[] expected = bytes[Math.Min(bytes.Length, 14)..Math.Min(bytes.Length, 100)];
        foreach (byte[] other in others.Where(other => other.Length >= offset))
        {
            Assert.True(pool.TryTake(out BufferIndex appended));
            pool.SetChain(appended, other);
            Assert.True(pool.TryAppend(packet, appended, offset));
            pool.ReturnPackets([appended]);
            expected = [.. expected, .. other[offset..]];
        }

        byte[] copied = new byte[pool.PacketBytes(packet)];
        pool.CopyTo(packet, 0, copied);
        Assert.Equal(expected, copied);
        int begin = pool.Header(packet).DataOffset - BufferPool.HeadroomBytes;
        Assert.Equal(pool.Count - Math.Max(1, (begin + copied.Length + BufferPool.DataBytes - 1) / BufferPool.DataBytes), pool.FreeCount);
        pool.ReturnPackets([packet]);
        Assert.Equal(pool.Count, pool.FreeCount);
    });

    [Fact]
    public void A_packet_that_finds_too_few_buffers_to_be_appended_to_stays_one()
    {
        using var pool = new BufferPool(3);
        Assert.True(pool.TryTake(out BufferIndex packet));
        Assert.True(pool.TryTake(out BufferIndex other));
        pool.SetChain(packet, new byte[1000]);
        pool.SetChain(other, new byte[2000]);
        Assert.True(pool.TryAppend(packet, other, 0));
        Assert.False(pool.TryAppend(packet, other, 0));
        Assert.Equal(2 * BufferPool.DataBytes, pool.PacketBytes(packet));
        pool.ReturnPackets([packet, other]);
        Assert.Equal(3, pool.FreeCount);
    }

    [Fact]
    public void The_checksum_of_a_chain_is_that_of_its_bytes() => Gen.Select(s_packets.Where(bytes => bytes.Length >= 20), Gen.Int[0, 9]).Sample((bytes, offset) =>
    {
        using var pool = new BufferPool(PoolSize);
        (bytes[offset], bytes[offset + 1]) = (0, 0);
        Be16 sum = Checksum.Compute(bytes.AsSpan(offset));
        MemoryMarshal.Write(bytes.AsSpan(offset), sum);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetChain(packet, bytes);
        Assert.True(pool.IsChecksumValid(packet, offset));
        pool.PacketHeader<byte>(packet, offset + 2)++;
        Assert.False(pool.IsChecksumValid(packet, offset));
    });

    [Fact]
    public void Buffers_of_any_length_make_up_one_checksum()
    {
        using var pool = new BufferPool(3);
        byte[] bytes = [1, 2, 3, 4, 5, 6, 7, 0, 0];
        MemoryMarshal.Write(bytes.AsSpan(6), Checksum.Compute(bytes.AsSpan(0, 6)));
        var parts = new BufferIndex[3];
        Assert.Equal(3, pool.Take(parts));
        pool.SetPacket(parts[0], bytes.AsSpan(0, 3));
        pool.SetPacket(parts[1], bytes.AsSpan(3, 1));
        pool.SetPacket(parts[2], bytes.AsSpan(4, 4));
        for (int i = 0; i < 2; i++)
        {
            pool.Header(parts[i]).NextBuffer = parts[i + 1].Value;
            pool.Header(parts[i]).Flags = BufferFlags.HasNext;
        }

        Assert.True(pool.IsChecksumValid(parts[0], 0));
    }

    [Fact]
    public void Buffers_that_a_packet_gives_back_are_not_written_any_more() // another thread may have them by then
    {
        using var pool = new BufferPool(PoolSize);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetChain(packet, new byte[3 * BufferPool.DataBytes]);
        BufferIndex second = packet;
        Assert.True(pool.MoveNext(ref second));
        BufferFlags flags = pool.Header(second).Flags;
        pool.Truncate(packet, 100);
        Assert.Equal(flags, pool.Header(second).Flags);
    }
}
