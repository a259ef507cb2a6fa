using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Tests.Driver;

/// <summary>Numbered packets from a generator through each receive layout, and errors by which queues stop: nothing is lost or mixed up in silence.</summary>
/// <remarks>The long runs are those that <c>./test --full</c> makes, too.</remarks>
public abstract class SoakTests(PortForm form)
{
    private const int IdleTurns = 1000; // the generator always has more
    private const int FaultEvery = 41; // accesses to memory, of which each batch makes one at least

    [Theory]
    [InlineData(64, 1)]
    [InlineData(64, 2)]
    [InlineData(1500, 3)]
    [InlineData(5000, 4)]
    public void Numbered_packets_arrive_each_once_and_in_order(int frameBytes, int seed) => ReceiveNumbered(200_000, frameBytes, seed);

    [Fact(Explicit = true)]
    public void A_hundred_million_numbered_packets_arrive_each_once_and_in_order() => ReceiveNumbered(100_000_000, 64, seed: 5);

    [Fact]
    public void Queues_that_stop_at_errors_go_on() => Recover(200);

    [Fact(Explicit = true)]
    public void Queues_that_stop_ten_thousand_times_go_on() => Recover(10_000);

    private void ReceiveNumbered(ulong packets, int frameBytes, int seed)
    {
        if (frameBytes > form.LongestFrame)
        {
            frameBytes = form.LongestFrame;
        }

        string name = $"soak{Guid.NewGuid().ToString("N")[..8]}";
        NicBehaviour behaviour = (form.Behaviour ?? new NicBehaviour()) with { CqeCompressionSeed = seed };
        Assert.True(NicOptions.TryParse($"{name},wire=generator:size={frameBytes}:flows=64", out NicOptions nic, out string wrong), wrong);
        using EmulatedNics nics = EmulatedNics.Attach(
            [nic with { Behaviour = behaviour, Model = form.Model ?? NicModel.ConnectX5Ex, Mtu = 9000 }], NullLogger.Instance, stepped: true);
        using var pool = new BufferPool(4096);
        using (var port = RdmaPort.Create(form.Change(CabledPorts.Options(name) with { RxQueues = 1, RxQueueSize = 512 }), pool, txQueues: 1, new Random(1)))
        {
            ulong received = 0;
            int idle = 0;
            var buffers = new BufferIndex[256];
            byte[] bytes = new byte[frameBytes];
            RxQueue queue = port.RxQueues[0];
            Assert.Equal(0, queue.Receive(buffers));
            port.SetAdminUp(true);
            while (received < packets)
            {
                nics.Step();
                int count = queue.Receive(buffers);
                idle = count > 0 ? 0 : idle + 1;
                Assert.True(idle < IdleTurns, $"packets arrive, but none did after {received}");
                for (int i = 0; i < count; i++)
                {
                    bool next = pool.PacketBytes(buffers[i]) == frameBytes && GeneratorFrame.Sequence(pool.Packet(buffers[i])) == received++;
                    Assert.True(next, "the next packet of the generator"); // once per packet: Assert.Equal would allocate
                }

                pool.ReturnPackets(buffers.AsSpan(0, count));
            }

            Assert.Equal(0UL, queue.Counters.Errors + queue.Counters.NoBuffer);
            Assert.Equal(received, queue.Counters.Packets);
            Assert.Equal(received * (ulong)frameBytes, queue.Counters.Bytes);
        }

        Assert.Empty(nics.Devices[name].Conformance.Violations);
        Assert.Equal(pool.Count, pool.FreeCount);
    }

    private void Recover(ulong errors)
    {
        NicBehaviour behaviour = (form.Behaviour ?? new NicBehaviour()) with { MemoryFaultEvery = FaultEvery };
        using var cable = new CabledPorts(form.Change, behaviour, form.Model, mtu: 9000);
        RdmaPort near = cable.Open(cable.NearName);
        RdmaPort far = cable.Open(cable.FarName, options => options with { RxQueues = 1 });
        var random = new Random(4);
        (int sent, int last, ulong received) = (0, -1, 0);
        ulong Lost() => near.TxQueues[0].Counters.Errors;
        ulong Seen() => Math.Min(far.RxQueues[0].Counters.Errors, Lost());
        for (ulong batch = 0; Seen() < errors; batch++)
        {
            Assert.True(batch < errors * FaultEvery, $"both queues meet errors again and again, but after {batch} batches they have met {Seen()}");
            byte[][] frames = [.. Enumerable.Range(sent, random.Next(1, 60)).Select(id => CabledPorts.Frame(far.MacAddress, id, random.Next(60, 1515)))];
            cable.Send(near, frames);
            sent += frames.Length;
            foreach (byte[] frame in cable.Receive(far))
            {
                int id = BitConverter.ToInt32(frame, 14);
                Assert.True(id > last && id < sent, $"frame {id} comes behind {last} of {sent}");
                Assert.True(frame.AsSpan().SequenceEqual(CabledPorts.Frame(far.MacAddress, id, frame.Length)), $"frame {id} arrives as it was sent");
                last = id;
                received++;
            }
        }

        ulong left = cable.Nics.Devices[cable.NearName].Counters[PortCounter.QueueSent];
        Assert.InRange((ulong)sent, left, left + Lost());
        Assert.Equal(cable.Nics.Devices[cable.FarName].Counters[PortCounter.QueueReceived], received);
        Assert.Equal((ulong)sent, near.TxQueues[0].Counters.Packets);
        Assert.All([near, far], port => Assert.Contains(port.Describe(), line => line.Contains("IBV_WC_LOC_PROT_ERR", StringComparison.Ordinal)));
        Assert.All([near, far], port => Assert.Contains(port.Describe(), line => line.Contains("(last vendor syndrome 0x52)", StringComparison.Ordinal)));
    }
}
