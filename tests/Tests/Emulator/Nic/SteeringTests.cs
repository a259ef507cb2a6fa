using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class SteeringTests : IDisposable
{
    private const string MacA = "02:00:00:00:00:01";
    private const string MacB = "02:00:00:00:00:02";
    private const string Group = "01:00:00:00:00:00";
    private readonly TestPort _port = new();
    private readonly TestProgram _a;
    private readonly TestProgram _b;

    public SteeringTests()
    {
        _a = new TestProgram(_port.Nic);
        _b = new TestProgram(_port.Nic);
        foreach ((TestProgram program, string mac) in new[] { (_a, MacA), (_b, MacB) })
        {
            // As a router's interface does it: all at priority 0, what is IPv6 first.
            program.Flow(mac, type: EtherType.Ip6);
            program.Flow(Group, Group, EtherType.Ip6, dontTrap: true);
            program.Flow(mac);
            program.Flow(Group, Group, dontTrap: true);
            program.PostReceive(8);
        }
    }

    public void Dispose()
    {
        _port.Dispose();
        _a.Dispose();
        _b.Dispose();
    }

    [Theory]
    [InlineData(MacA, EtherType.Arp, 1, 0, 0)]
    [InlineData(MacA, EtherType.Ip6, 1, 0, 0)]
    [InlineData(MacB, EtherType.Ip4, 0, 1, 0)]
    [InlineData("02:00:00:00:00:aa", EtherType.Arp, 0, 0, 1)]
    [InlineData("02:00:00:00:00:33", EtherType.Arp, 0, 0, 1)]
    [InlineData("ff:ff:ff:ff:ff:ff", EtherType.Arp, 1, 1, 1)]
    [InlineData("33:33:00:00:00:01", EtherType.Ip6, 1, 1, 1)]
    public void A_frame_from_the_wire_reaches_each_that_asked_for_it_once(string mac, ushort type, int a, int b, int linux)
    {
        _port.FromWire(TestPort.Frame(mac, type));
        Assert.Equal((a, b, linux), (Count(_a), Count(_b), _port.Netdev.Received.Count));
    }

    [Theory]
    [InlineData(MacA, 0, 0, 0, 1)] // never back to the sender
    [InlineData(MacB, 0, 1, 0, 0)]
    [InlineData("02:00:00:00:00:aa", 0, 0, 1, 0)]
    [InlineData("02:00:00:00:00:33", 0, 0, 0, 1)]
    [InlineData("ff:ff:ff:ff:ff:ff", 0, 1, 1, 1)]
    public void A_frame_that_a_program_sends_reaches_the_others_on_the_port_or_the_wire(string mac, int a, int b, int linux, int wire)
    {
        _a.Send(TestPort.Frame(mac));
        _port.Run();
        Assert.Equal((a, b, linux, wire), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void The_address_of_Linux_is_a_program_s_own_once_it_has_a_flow_for_it()
    {
        _a.Flow("02:00:00:00:00:aa");
        _a.Send(TestPort.Frame("02:00:00:00:00:aa"));
        _port.Run();
        Assert.Equal((0, 0, 0, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
        _b.Send(TestPort.Frame("02:00:00:00:00:aa"));
        _port.Run();
        Assert.Equal((1, 0, 0, 1), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void What_Linux_sends_reaches_the_programs_or_the_wire()
    {
        _port.Netdev.Sent.Enqueue(TestPort.Frame(MacB));
        _port.Netdev.Sent.Enqueue(TestPort.Frame("ff:ff:ff:ff:ff:ff"));
        _port.Netdev.Sent.Enqueue(TestPort.Frame("02:00:00:00:00:33"));
        _port.Run();
        Assert.Equal((1, 2, 0, 2), (Count(_a), Count(_b), _port.Netdev.Received.Count, _port.Far.Received.Count));
    }

    [Fact]
    public void While_the_netdev_is_down_what_nobody_asked_for_is_dropped_under_its_name()
    {
        _port.Netdev.IsUp = false;
        _port.FromWire(TestPort.Frame("02:00:00:00:00:33"));
        Assert.Equal(1UL, _port[PortCounter.NoMatchNetdevDown]);
        Assert.Empty(_port.Netdev.Received);
    }

    [Fact]
    public void A_flow_with_another_tag_for_the_same_frames_is_refused_with_EEXIST()
    {
        FlowParameters tagged = new() { Context = _a.Context, Destination = _a.Rss, Tag = 5, Match = Flows.Ethernet(MacA) };
        Assert.Equal(17, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged)).Errno);
        Assert.Equal(12, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Priority = 16 })).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Destination = _a.Pair })).Errno);
    }

    private static int Count(TestProgram program)
    {
        int count = 0;
        while (program.PollReceive() is not null)
        {
            count++;
        }

        return count;
    }
}
