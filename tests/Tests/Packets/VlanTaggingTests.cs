using Verbena.Packets;

namespace Verbena.Tests.Packets;

public sealed class VlanTaggingTests
{
    [Fact]
    public void Tags_that_are_put_in_and_taken_out_leave_the_frame_as_it_was_however_the_code_is_compiled()
    {
        const int Rounds = 200_000; // the runtime compiles what runs so often again, optimised
        byte[] frame = [.. Enumerable.Range(1, 60).Select(number => (byte)number)];
        VlanTag[] tags = [new(EtherType.ServiceVlan, 300), new(EtherType.Vlan, 7)];
        using var pool = new BufferPool(1);
        Assert.True(pool.TryTake(out BufferIndex packet));
        pool.SetPacket(packet, frame);
        bool same = true;
        for (int i = 0; i < Rounds; i++)
        {
            int count = 1 + (i & 1);
            pool.ReplaceTags(packet, pop: 0, tags.AsSpan(0, count));
            same &= pool.Packet(packet)[..VlanTag.Offset].SequenceEqual(frame.AsSpan(0, VlanTag.Offset));
            pool.ReplaceTags(packet, pop: count, []);
            same &= pool.Packet(packet).SequenceEqual(frame);
        }

        Assert.True(same);
    }
}
