using Verbena.Emulator.Nic;
using Verbena.Emulator.Sharing;
using Verbena.Emulator.Wires;
using Verbena.Packets;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Sharing;

public sealed class SharedPortTests : IDisposable
{
    private const string MacA = "02:00:00:00:00:01";
    private const string MacB = "02:00:00:00:00:02";
    private const string Broadcast = "ff:ff:ff:ff:ff:ff";
    private readonly SharedTestPorts _ports = new();
    private readonly TestProcess _a;
    private readonly TestProcess _b;

    public SharedPortTests()
    {
        _a = _ports.Join();
        _b = _ports.Join();
        foreach (TestProcess process in new[] { _a, _b })
        {
            process.Program.PostReceive(TestProgram.Entries);
        }
    }

    public void Dispose() => _ports.Dispose();

    [Fact]
    public void A_process_finds_the_port_as_it_is()
    {
        _ports.Run();
        Assert.Equal(("near", _ports.Near.MacAddress, 1500, new LinkState(true, 25_000_000_000)), (_a.Nic.Options.Name, _a.Nic.MacAddress, _a.Nic.Mtu, _a.Nic.Link));
    }

    [Fact]
    public void Who_does_not_keep_to_the_rules_is_let_go_with_all_that_he_sent()
    {
        using Waker sent = new();
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (int i = 0; i < 20; i++)
        {
            LocalSocket stranger = _ports.Connect();
            Assert.True(stranger.Send([1], sent.Descriptor));
            Assert.Equal(0, stranger.Receive(new byte[16], []));
            stranger.Dispose();
        }

        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, before + 10); // other tests open some, too
    }

    [Fact]
    public void Each_process_receives_what_comes_for_its_own_address()
    {
        _a.Program.Flow(MacA);
        _b.Program.Flow(MacB);
        _ports.FromWire(TestPort.Frame(MacA, identity: 7, length: 99), TestPort.Frame(MacB), TestPort.Frame(MacB), TestPort.Frame("02:00:00:00:00:aa"));
        Assert.Equal(TestPort.Frame(MacA, identity: 7, length: 99), _a.Program.Buffer(0)[..99].ToArray());
        Assert.Equal((1, 2, 1), (_a.Received(), _b.Received(), _ports.Netdev.Received.Count));
    }

    [Fact]
    public void Frames_for_another_process_of_the_port_go_to_it_and_not_to_the_wire()
    {
        _a.Program.Flow(MacA);
        _b.Program.Flow(MacB);
        _a.Program.Send(TestPort.Frame(MacB));
        _ports.Run();
        Assert.Equal((0, 1, 0, 0), (_a.Received(), _b.Received(), _ports.Netdev.Received.Count, _ports.Far.Received.Count));
        Assert.NotNull(_a.Program.PollSend());
    }

    [Fact]
    public void Broadcast_goes_to_all_but_the_sender()
    {
        _a.Program.Flow(Broadcast);
        _b.Program.Flow(Broadcast);
        _a.Program.Send(TestPort.Frame(Broadcast));
        _ports.Run();
        Assert.Equal((0, 1, 1), (_a.Received(), _b.Received(), _ports.Far.Received.Count));
    }

    [Fact]
    public void A_sender_without_flows_is_no_other_process()
    {
        _b.Program.Flow(Broadcast);
        _a.Program.Send(TestPort.Frame(Broadcast));
        _ports.Run();
        Assert.Equal((0, 1, 1), (_a.Received(), _b.Received(), _ports.Far.Received.Count));
    }

    [Fact]
    public void Processes_with_the_same_rule_get_a_copy_each()
    {
        _a.Program.Flow(MacA);
        _b.Program.Flow(MacA);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, 1, 1UL), (_a.Received(), _b.Received(), _ports[PortCounter.Copies]));
    }

    [Fact]
    public void Two_destinations_of_one_process_get_a_copy_each()
    {
        TestProgram second = _a.AddProgram();
        second.PostReceive(1);
        _a.Program.Flow(MacA);
        second.Flow(MacA);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.NotNull(second.PollReceive());
        Assert.Equal(1, _a.Received());
    }

    [Fact]
    public void A_rule_of_one_process_conflicts_with_another_ones()
    {
        _a.Program.Flow(MacA);
        FlowParameters other = Flow(_b, MacA) with { Tag = 5 };
        Assert.Equal(17, Assert.Throws<NicException>(() => _b.Nic.AddFlow(other)).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => _b.Nic.AddFlow(other with { Destination = _b.Program.Pair })).Errno);
    }

    [Fact]
    public void Priority_and_tag_hold_between_processes()
    {
        _a.Nic.AddFlow(Flow(_a, MacA) with { Priority = 1 });
        FlowRule first = _b.Nic.AddFlow(Flow(_b, MacA) with { Tag = 0x123 });
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal(0x123u, _b.Program.PollReceive()!.Value.sop_drop_qpn.Value);
        Assert.Equal(0, _a.Received());

        _b.Nic.RemoveFlow(first);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, 0), (_a.Received(), _b.Received()));
    }

    [Fact]
    public void A_rule_that_does_not_trap_shows_a_frame_to_one_process_before_another_takes_it()
    {
        _a.Program.Flow(MacA, dontTrap: true);
        _b.Program.Flow(MacA);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, 1, 0), (_a.Received(), _b.Received(), _ports.Netdev.Received.Count));
    }

    [Fact]
    public void A_rule_that_drops_holds_for_all_processes()
    {
        _b.Nic.AddFlow(Flow(_b, MacA) with { Priority = 1 });
        FlowRule drop = _a.Nic.AddFlow(Flow(_a, MacA) with { Destination = null, Action = FlowAction.Drop });
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((0, 1UL), (_b.Received(), _ports[PortCounter.FlowDrop]));

        _a.Nic.RemoveFlow(drop);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal(1, _b.Received());
    }

    [Fact]
    public void Carrier_goes_and_comes_for_all_processes()
    {
        List<bool> changes = [];
        _b.Nic.LinkChanged = link => changes.Add(link.IsUp);
        _ports.Run();
        _a.Nic.SetCarrier(false);
        _ports.Run();
        _a.Program.Send(TestPort.Frame(MacB));
        _ports.Run();
        Assert.Equal((false, false, 1UL), (_ports.Near.Link.IsUp, _b.Nic.Link.IsUp, _ports[PortCounter.TxCarrierDown]));
        _a.Nic.SetCarrier(true);
        _ports.Run();
        Assert.Equal([true, false, true], changes);
    }

    [Fact]
    public void The_MTU_of_the_netdev_holds_for_all_processes()
    {
        _ports.Netdev.MtuBytes = 600;
        _ports.Run();
        _a.Program.Send(TestPort.Frame(MacB, length: 619));
        _ports.Run();
        Assert.Equal((600, 1UL), (_b.Nic.Mtu, _ports[PortCounter.TxOversize]));
    }

    [Fact]
    public void Each_process_sees_what_the_whole_port_has_counted()
    {
        _a.Program.Flow(MacA);
        _ports.FromWire(Enumerable.Repeat(TestPort.Frame(MacA), TestProgram.Entries + 3));
        Assert.Equal(3UL, _ports[PortCounter.OutOfBuffer]);
        Assert.Equal((8UL, 3UL, 11UL), (_b.Nic.Counters[PortCounter.QueueReceived], _b.Nic.Counters[PortCounter.OutOfBuffer], _b.Nic.Counters[PortCounter.WireReceived]));
    }

    [Fact]
    public void What_a_dead_process_had_is_gone_and_another_takes_its_place()
    {
        _a.Program.Flow(MacA);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal(1, _a.Received());
        Kill(_a);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, 1UL), (_ports.Netdev.Received.Count, _ports[PortCounter.QueueReceived]));

        TestProcess next = _ports.Join();
        next.Program.PostReceive(1);
        next.Program.Flow(MacA);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, 2UL), (next.Received(), _ports[PortCounter.QueueReceived]));
    }

    [Fact]
    public void What_a_process_sent_before_it_died_goes_out()
    {
        for (int i = 0; i < 200; i++) // more than the port takes in one pass
        {
            _a.Program.Send(TestPort.Frame(MacB));
            _a.Step();
            Assert.NotNull(_a.Program.PollSend());
        }

        Kill(_a);
        _ports.Run();
        Assert.Equal(200, _ports.Far.Received.Count);
    }

    [Fact]
    public void What_a_dead_process_was_given_and_had_not_taken_is_counted()
    {
        _a.Program.Flow(MacA);
        _ports.Far.Sent.Enqueue(TestPort.Frame(MacA));
        _ports.Far.Sent.Enqueue(TestPort.Frame(MacA));
        _ports.Run(_b);
        Kill(_a);
        _ports.Run();
        Assert.Equal(2UL, _ports[PortCounter.EngineGone]);
    }

    [Fact]
    public void A_process_that_dies_when_some_of_what_waited_for_it_has_found_room_stops_nobody()
    {
        const int Small = 16380; // of 128 bytes in a ring of 2 MiB: there is no room for a large one
        const int Copies = 10;
        const string Group = "02:00:00:00:00:03";
        _a.Program.Flow(MacA);
        _a.Program.Flow(Group);
        for (int i = 1; i < Copies; i++)
        {
            _a.AddProgram().Flow(Group);
        }

        _b.Program.Flow(MacB);
        _ports.FromWire();
        Enqueue(Small, lengthBytes: 64);
        _ports.Far.Sent.Enqueue(TestPort.Frame(Group, length: 1500));
        _ports.Run(_b);
        _a.Step(); // makes room for a batch of small ones, which is not enough for all copies
        _ports.Far.Sent.Enqueue(TestPort.Frame(MacB));
        _ports.Run(_b);
        Assert.Equal(0, _b.Received());

        Kill(_a);
        _ports.Run(_b);
        Assert.Equal((1, 0UL, (ulong)(Small + Copies - 64)), (_b.Received(), _ports[PortCounter.EngineStalled], _ports[PortCounter.EngineGone]));
    }

    [Fact]
    public void A_process_that_is_late_makes_all_wait_and_loses_nothing()
    {
        _a.Program.Flow(MacA);
        _b.Program.Flow(MacB);
        _ports.FromWire();
        Enqueue(6000); // 6 MB: more than what is between port and process, and on the cable
        _b.Program.Send(TestPort.Frame(MacA, identity: 77));
        _ports.Run(_b);
        ulong before = _ports[PortCounter.WireReceived] + _ports[PortCounter.QueueSent];
        _ports.Time.Advance(TimeSpan.FromMilliseconds(99));
        _ports.Run(_b);
        Assert.Equal(before, _ports[PortCounter.WireReceived] + _ports[PortCounter.QueueSent]);
        Assert.InRange(before, 1000UL, 5000UL);

        _ports.Run();
        Assert.Equal(6001UL, _ports[PortCounter.QueueReceived] + _ports[PortCounter.OutOfBuffer]);
        Assert.Equal(0UL, _ports[PortCounter.EngineStalled]);
        for (int i = 1; i < TestProgram.Entries; i++)
        {
            Assert.Equal((byte)(_a.Program.Buffer(0)[99] + i), _a.Program.Buffer(i)[99]);
        }
    }

    [Fact]
    public void A_process_that_stands_still_is_left_out_until_it_goes_on()
    {
        _a.Program.Flow(MacA);
        _b.Program.Flow(MacB);
        _ports.FromWire();
        Enqueue(6000);
        _ports.Far.Sent.Enqueue(TestPort.Frame(MacB));
        _ports.Run(_b);
        Assert.Equal(0, _b.Received());
        _ports.Time.Advance(TimeSpan.FromMilliseconds(101));
        _ports.Run(_b);
        Assert.Equal(1, _b.Received());
        Assert.InRange(_ports[PortCounter.EngineStalled], 1000UL, 5000UL);

        ulong dropped = _ports[PortCounter.EngineStalled];
        _ports.Run();
        _a.Received();
        _a.Program.PostReceive(1);
        _ports.FromWire(TestPort.Frame(MacA));
        Assert.Equal((1, dropped), (_a.Received(), _ports[PortCounter.EngineStalled]));
    }

    [Fact]
    public void A_process_that_waits_for_the_port_goes_on_sending_when_there_is_room()
    {
        _a.Program.Flow(Broadcast);
        for (int i = 0; i < 100; i++)
        {
            _b.Program.Send(TestPort.Frame(Broadcast, length: 1500));
            _ports.Run();
            _b.Program.PollSend();
        }

        Assert.Equal((100, 100UL), (_ports.Far.Received.Count, _ports[PortCounter.QueueReceived] + _ports[PortCounter.OutOfBuffer]));
    }

    [Fact]
    public void Processes_that_always_have_work_get_the_same_however_many_others_rest()
    {
        const int Turns = 8;
        using var ports = new SharedTestPorts();
        ports.Run();
        TestProcess one = ports.Join();
        for (int i = 0; i < 6; i++)
        {
            ports.Join();
        }

        TestProcess other = ports.Join();
        for (int i = 0; i < Turns * FrameBatch.Capacity; i++)
        {
            one.Program.Send(TestPort.Frame(MacA, identity: 1), completion: 0);
            one.Step();
            other.Program.Send(TestPort.Frame(MacA, identity: 2), completion: 0);
            other.Step();
        }

        ports.Run();
        Assert.Equal(2 * Turns * FrameBatch.Capacity, ports.Far.Received.Count);
        IEnumerable<int> turns = ports.Far.Received.Chunk(FrameBatch.Capacity).Select(frames => (int)frames[^1][^1]);
        Assert.Equal(Enumerable.Range(0, 2 * Turns).Select(turn => 1 + (turn % 2)), turns);
    }

    [Fact]
    public void Without_the_process_that_has_the_port_there_is_no_carrier_and_no_new_flow()
    {
        using var ports = new SharedTestPorts();
        TestProcess process = ports.Join();
        FlowRule rule = process.Program.Flow(MacA);
        process.Step();
        ports.DisposeServer();
        process.Nic.RemoveFlow(rule);
        Assert.Equal(5, Assert.Throws<NicException>(() => process.Program.Flow(MacA)).Errno);
        ports.Time.Advance(TimeSpan.FromSeconds(1));
        process.Step();
        process.Program.Send(TestPort.Frame(MacB));
        process.Step();
        Assert.False(process.Nic.Link.IsUp);
        Assert.NotNull(process.Program.PollSend());
        Assert.Equal(1UL, process.Nic.Counters[PortCounter.TxCarrierDown]);
    }

    private void Enqueue(int frames, int lengthBytes = 1000)
    {
        for (int i = 0; i < frames; i++)
        {
            _ports.Far.Sent.Enqueue(TestPort.Frame(MacA, identity: (byte)i, length: lengthBytes));
        }
    }

    private void Kill(TestProcess process)
    {
        int before = _ports.Near.Processes;
        process.Kill();
        Assert.True(SpinWait.SpinUntil(() => _ports.Near.Processes < before, TimeSpan.FromSeconds(20)), "the port notices");
    }

    private static FlowParameters Flow(TestProcess process, string mac) => new()
    {
        Context = process.Program.Context,
        Destination = process.Program.Rss,
        Match = FlowMatch.Of(new EthernetSpec { Destination = MacAddress.Parse(mac), DestinationMask = MacAddress.Broadcast }),
    };
}
