using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class WireTests
{
    [Theory]
    [InlineData("eth0,wire=generator:size=128:flows=4:count=10,mac=02:00:00:00:00:05,speed=25", "")]
    [InlineData("eth0,wire=pcap:in.pcap:out.pcap", "")]
    [InlineData("an-interface-with-a-long-name", "1 to 15 characters")]
    [InlineData("eth0,wire=radio:5", "tap:NAME")]
    [InlineData("eth0,wire=generator:size=20", "size=60..9000")]
    [InlineData("eth0,mac=01:00:00:00:00:01", "unicast")]
    [InlineData("eth0,speed=3", "1, 10, 25")]
    [InlineData("eth0,model=connectx-4", "")]
    [InlineData("eth0,model=connectx-3", "connectx-4, connectx-5, connectx-5-ex")]
    [InlineData("eth0,mtu=67", "68 to 9978")]
    [InlineData("eth0,cqe-compression=random:7,cqe-sessions-wrap=on,few-strides=off", "")]
    [InlineData("eth0,cqe-compression=always", "balanced, never, aggressive or random[:SEED]")]
    [InlineData("eth0,cqe-compression=never:7", "balanced, never, aggressive or random[:SEED]")]
    [InlineData("eth0,few-strides=yes", "on or off")]
    [InlineData("eth0,link=netdev", "")]
    [InlineData("eth0,link=up", "wire or netdev")]
    [InlineData("eth0,colour=blue", "wire=, mac=, speed=, model=, mtu=")]
    public void Options_are_read_or_answered_with_what_is_allowed(string text, string error)
    {
        bool valid = NicOptions.TryParse(text, out _, out string said);
        Assert.Equal(error.Length == 0, valid);
        Assert.Contains(error, said, StringComparison.Ordinal);
    }

    [Fact]
    public void Behaviour_is_among_the_options()
    {
        Assert.True(NicOptions.TryParse("eth0,cqe-compression=random:7,few-strides=off", out NicOptions options, out _));
        Assert.Equal(new NicBehaviour { CqeCompression = CqeCompressionPolicy.Random, CqeCompressionSeed = 7, ExtendedStrideNumbers = false }, options.Behaviour);
    }

    [Fact]
    public void A_generator_waits_for_a_receiver_and_numbers_what_it_makes()
    {
        using TestPort port = new(new GeneratorOptions { Count = 5, Flows = 2 });
        using TestProgram program = new(port.Nic);
        port.Run();
        Assert.Equal(0UL, port[PortCounter.WireReceived]);

        program.Flow("02:00:00:00:00:01");
        program.PostReceive(3);
        port.Run();
        Assert.Equal((3UL, 2UL), (port[PortCounter.QueueReceived], port[PortCounter.OutOfBuffer]));
        Assert.Equal(2UL, GeneratorFrame.Sequence(program.Buffer(2)));
        Assert.Equal(7, program.PollReceive()!.Value.hds_ip_ext); // both checksums pass
    }

    [Fact]
    public void A_generator_keeps_its_rate()
    {
        using TestPort port = new(new GeneratorOptions { Rate = 1000, DestinationMac = MacAddress.Parse("02:00:00:00:00:01") });
        port.Run();
        port.Time.Advance(TimeSpan.FromMilliseconds(50));
        port.Run();
        Assert.InRange(port[PortCounter.WireReceived], 49UL, 51UL);
    }

    [Fact]
    public void A_sink_finds_the_gaps_in_a_sequence()
    {
        using TestPort port = new(new SinkOptions());
        using TestProgram program = new(port.Nic);
        foreach (byte sequence in new byte[] { 0, 1, 4, 3 })
        {
            byte[] frame = Frames.Udp("10.0.0.1", "10.0.0.2");
            (frame[36], frame[37]) = (0, 9);
            frame[49] = sequence;
            program.Send(frame, completion: 1);
            port.Run();
        }

        SinkMeter meter = ((SinkWire)port.Nic.Wire!).Meter;
        Assert.Equal((4UL, 256UL, 2UL, 1UL), (meter.Packets, meter.Bytes, meter.Gaps, meter.Reordered));
    }

    [Fact]
    public void A_capture_goes_in_and_another_comes_out_that_can_go_in_again()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        string copy = path + "-copy";
        try
        {
            byte[][] frames = [TestPort.Frame("02:00:00:00:00:05", identity: 1), TestPort.Frame("02:00:00:00:00:05", identity: 2, length: 99)];
            Record(frames, path, bigEndian: true);
            Assert.Equal(frames, Play(path, copy));
            Assert.Equal(frames, Play(copy, null));
        }
        finally
        {
            File.Delete(path);
            File.Delete(copy);
        }
    }

    [Fact]
    public void A_capture_waits_for_a_flow_that_takes_unicast_frames_and_stays()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            Record([TestPort.Frame("02:00:00:00:00:05")], path, bigEndian: false);
            using TestPort port = new(new PcapOptions(path, null));
            using TestProgram program = new(port.Nic);
            program.PostReceive(2);
            program.Flow("ff:ff:ff:ff:ff:ff"); // a program's first flows may be for groups
            Rest(port);
            FlowRule trial = program.Flow(); // as DPDK's driver tries how many priorities there are
            Look(port);
            port.Nic.RemoveFlow(trial);
            Rest(port);
            Assert.Equal(0UL, port[PortCounter.WireReceived]);

            program.Flow("02:00:00:00:00:05");
            Rest(port);
            Assert.Equal((1UL, 1UL), (port[PortCounter.WireReceived], port[PortCounter.QueueReceived]));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_record_too_short_for_a_frame_is_counted_and_those_around_it_come()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            Record([TestPort.Frame("02:00:00:00:00:05"), new byte[13], TestPort.Frame("02:00:00:00:00:05")], path, bigEndian: false);
            using TestPort port = new(new PcapOptions(path, null));
            using TestProgram program = new(port.Nic);
            program.Flow("02:00:00:00:00:05");
            Rest(port);
            Assert.Equal((3UL, 1UL), (port[PortCounter.WireReceived], port[PortCounter.RxWireError]));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Carrier_goes_with_the_far_end_of_the_cable_and_by_injection()
    {
        PatchPanel cables = new();
        using NicDevice near = new(new LocalPort(new NicOptions("a") { Wire = new CableOptions("b") }, cables, TimeProvider.System, new MemoryNetdev()), NullLogger.Instance);
        List<bool> changes = [];
        near.LinkChanged += link => changes.Add(link.IsUp);
        near.Step();
        using (NicDevice far = new(new LocalPort(new NicOptions("b"), cables, TimeProvider.System, new MemoryNetdev()), NullLogger.Instance))
        {
            near.Step();
            far.SetCarrier(false);
            near.Step();
            far.SetCarrier(true);
            near.Step();
        }

        near.Step();
        Assert.Equal([true, false, true, false], changes);
    }

    [Fact]
    public void A_port_that_was_down_already_when_its_carrier_went_stays_dark_for_the_far_end()
    {
        PatchPanel cables = new();
        using NicDevice near = new(new LocalPort(new NicOptions("a") { Wire = new CableOptions("b") }, cables, TimeProvider.System, new MemoryNetdev()), NullLogger.Instance);
        using NicDevice far = new(new LocalPort(new NicOptions("b"), cables, TimeProvider.System, new MemoryNetdev()), NullLogger.Instance);
        far.SetCarrier(false);
        near.Step();
        near.SetCarrier(false);
        far.SetCarrier(true);
        far.Step();
        Assert.False(far.Link.IsUp);
        near.SetCarrier(true);
        far.Step();
        Assert.True(far.Link.IsUp);
    }

    [Theory]
    [InlineData(LinkDecision.Wire, true)]
    [InlineData(LinkDecision.Netdev, false)]
    public void The_link_goes_with_Linuxs_interface_at_both_ends_where_that_has_a_say(LinkDecision decision, bool upWithoutIt)
    {
        PatchPanel cables = new();
        MemoryNetdev netdev = new() { IsUp = false };
        NicOptions options = new("a") { Wire = new CableOptions("b"), Behaviour = new NicBehaviour { Link = decision } };
        using NicDevice near = new(new LocalPort(options, cables, TimeProvider.System, netdev), NullLogger.Instance);
        using NicDevice far = new(new LocalPort(new NicOptions("b"), cables, TimeProvider.System, new MemoryNetdev()), NullLogger.Instance);
        foreach (bool isUp in (bool[])[false, true, false])
        {
            netdev.IsUp = isUp;
            near.Step();
            far.Step();
            Assert.Equal((isUp || upWithoutIt, isUp || upWithoutIt), (near.Link.IsUp, far.Link.IsUp));
        }
    }

    [Fact]
    public void Linux_is_asked_for_its_MTU_once_a_pass_however_many_frames_are_too_long()
    {
        using TestPort port = new();
        port.Run();
        int before = port.Netdev.Refreshes;
        for (int i = 0; i < 20; i++)
        {
            port.Netdev.Sent.Enqueue(TestPort.Frame("02:00:00:00:00:02", length: 2000));
        }

        port.Nic.Step();
        Assert.Equal((20UL, before + 1), (port[PortCounter.TxOversize], port.Netdev.Refreshes));
    }

    private static void Rest(TestPort port)
    {
        Look(port);
        Look(port);
    }

    /// <summary>Lets the wire look at what changes, as it does ten times a second.</summary>
    private static void Look(TestPort port)
    {
        port.Time.Advance(TimeSpan.FromMilliseconds(200));
        port.Run();
        port.Run(); // what has begun by that
    }

    /// <summary>Plays a capture, sends what came in back out, and returns it.</summary>
    private static byte[][] Play(string path, string? outPath)
    {
        using PcapWire wire = new(path, outPath, TimeProvider.System, hasReceiver: () => true);
        using FrameBatch frames = new();
        wire.Refresh();
        wire.Refresh();
        wire.Receive(frames);
        wire.Receive(frames);
        Assert.True(wire.IsAtEnd);
        Assert.Equal(frames.Count, wire.Send(frames));
        return [.. Enumerable.Range(0, frames.Count).Select(i => frames[i].ToArray())];
    }

    private static void Record(byte[][] frames, string path, bool bigEndian)
    {
        using BinaryWriter writer = new(File.Create(path));
        Span<uint> header = [0xA1B2C3D4, 0x0002_0004, 0, 0, 65535, 1];
        foreach (uint word in header)
        {
            writer.Write(bigEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word) : word);
        }

        foreach (byte[] frame in frames)
        {
            foreach (uint word in new uint[] { 1, 2, (uint)frame.Length, (uint)frame.Length })
            {
                writer.Write(bigEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word) : word);
            }

            writer.Write(frame);
        }
    }
}
