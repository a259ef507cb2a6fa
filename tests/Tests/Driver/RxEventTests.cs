using Verbena.Driver;
using Verbena.Interop;
using Verbena.Packets;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>A receive queue tells of packets by a descriptor, once it is asked to.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class RxEventTests
{
    private const int Rounds = 10; // more than the NIC's sequence numbers of commands, which are 2 bits

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void An_armed_queue_tells_of_the_next_packet_once(RdmaMode mode)
    {
        using var cable = new CabledPorts(options => options with { Mode = mode, RxQueues = 1 });
        RdmaPort near = cable.Open(cable.NearName);
        RdmaPort far = cable.Open(cable.FarName);
        RxQueue queue = far.RxQueues[0];
        cable.Send(near, CabledPorts.Frame(far.MacAddress));
        Assert.False(IsReadable(queue), "nobody has asked");
        Assert.Single(cable.Receive(far));
        for (int round = 0; round < Rounds; round++)
        {
            queue.Arm();
            cable.Run();
            Assert.False(IsReadable(queue), "no packet has come since");
            cable.Send(near, CabledPorts.Frame(far.MacAddress), CabledPorts.Frame(far.MacAddress));
            Assert.True(IsReadable(queue), "a packet has come");
            Assert.Equal(2, cable.Receive(far).Count);
        }
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void A_queue_that_is_armed_when_a_packet_is_there_tells_of_it_at_once(RdmaMode mode)
    {
        using var cable = new CabledPorts(options => options with { Mode = mode, RxQueues = 1 });
        RdmaPort near = cable.Open(cable.NearName);
        RdmaPort far = cable.Open(cable.FarName);
        for (int round = 0; round < Rounds; round++)
        {
            cable.Send(near, CabledPorts.Frame(far.MacAddress));
            far.RxQueues[0].Arm();
            cable.Run();
            Assert.True(IsReadable(far.RxQueues[0]), "a packet is there");
            Assert.Single(cable.Receive(far));
        }
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void A_queue_wants_buffers_until_the_pool_has_some(RdmaMode mode)
    {
        const int Frames = 200; // several refills
        using var cable = new CabledPorts(options => options with { Mode = mode, RxQueues = 1 });
        RdmaPort near = cable.Open(cable.NearName);
        RdmaPort far = cable.Open(cable.FarName);
        cable.Send(near, [.. Enumerable.Range(0, Frames).Select(id => CabledPorts.Frame(far.MacAddress, id))]);
        var rest = new BufferIndex[cable.Pool.FreeCount];
        Assert.Equal(rest.Length, cable.Pool.Take(rest));
        Assert.False(far.RxQueues[0].WantsBuffers, "it has all that it was given");
        var packets = new BufferIndex[256];
        Assert.Equal(Frames, far.RxQueues[0].Receive(packets));
        Assert.True(far.RxQueues[0].WantsBuffers, "the pool is empty");
        cable.Pool.ReturnPackets(packets.AsSpan(0, Frames));
        cable.Pool.Return(rest);
        Assert.Empty(cable.Receive(far));
        Assert.False(far.RxQueues[0].WantsBuffers, "the pool has buffers again");
    }

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void A_poll_that_finds_the_pool_empty_counts_once(RdmaMode mode)
    {
        const int Frames = 200; // of 256: the queue lacks so many that it would look for buffers before and after packets
        using var cable = new CabledPorts(options => options with { Mode = mode, RxQueues = 1 });
        RdmaPort near = cable.Open(cable.NearName);
        RdmaPort far = cable.Open(cable.FarName);
        cable.Send(near, [.. Enumerable.Range(0, Frames).Select(id => CabledPorts.Frame(far.MacAddress, id))]);
        var rest = new BufferIndex[cable.Pool.FreeCount];
        Assert.Equal(rest.Length, cable.Pool.Take(rest));
        var packets = new BufferIndex[256];
        Assert.Equal(Frames, far.RxQueues[0].Receive(packets));
        Assert.Equal(0, far.RxQueues[0].Receive(packets.AsSpan(Frames)));
        cable.Pool.ReturnPackets(packets.AsSpan(0, Frames));
        cable.Pool.Return(rest);
        Assert.Equal(2ul, far.RxQueues[0].Counters.NoBuffer);
    }

    private static unsafe bool IsReadable(RxQueue queue)
    {
        var polled = new pollfd { fd = queue.EventDescriptor, events = Libc.POLLIN };
        timespec immediately = default;
        return Libc.ppoll(&polled, 1, &immediately, null) == 1;
    }
}
