using CsCheck;
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
        FlowParameters tagged = new()
        {
            Destination = _a.Rss,
            Tag = 5,
            Specs = [new EthernetSpec { Destination = MacAddress.Parse(MacA), DestinationMask = MacAddress.Broadcast }],
        };
        Assert.Equal(17, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged)).Errno);
        Assert.Equal(12, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Priority = 16 })).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => _port.Nic.AddFlow(tagged with { Destination = _a.Pair })).Errno);
    }

    [Fact]
    public void The_flow_table_agrees_with_a_plain_list()
    {
        Gen<FlowParameters> flow = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[0, 1], Gen.Bool, (mac, mask, priority, dontTrap) => new FlowParameters
        {
            Destination = (mac & 1) == 0 ? _a.Rss : _b.Rss,
            Priority = priority,
            DontTrap = dontTrap,
            Specs = [new EthernetSpec
            {
                Destination = new MacAddress(0x0200_0000_0000 + (ulong)mac),
                DestinationMask = new MacAddress(mask switch { 0 => 0xFFFF_FFFF_FFFFul, 1 => 1, _ => 0 }),
            }],
        });
        Gen.Select(flow.Array[0, 12], Gen.Int[0, 11].Array[0, 6]).Sample((flows, removed) =>
        {
            FlowTable table = new();
            List<FlowRule> rules = [.. flows.Select(table.Add)];
            FlowRule[] made = [.. rules];
            foreach (FlowRule rule in removed.Where(i => i < flows.Length).Distinct().Select(i => made[i]))
            {
                table.Remove(rule);
                rules.Remove(rule);
            }

            for (ulong mac = 0; mac < 4; mac++)
            {
                FrameInfo info = FrameInfo.Parse(TestPort.Frame(new MacAddress(0x0200_0000_0000 | mac).ToString()));
                FlowEntry[] hits = new FlowEntry[FlowTable.MaxHits];
                int count = table.Find(in info.Key, hits, out _);
                Assert.Equal(Plain(made, rules, info), hits[..count].SelectMany(h => h.Destinations).Select(d => d == _a.Rss ? 'a' : 'b'));
            }
        }, iter: 300);
    }

    /// <summary>Priority by priority, those that let frames go on first; of each the first made mask that matches. A mask keeps its place while one of its rules is left.</summary>
    private List<char> Plain(FlowRule[] made, List<FlowRule> rules, FrameInfo info)
    {
        List<char> destinations = [];
        foreach (IGrouping<int, FlowRule> level in made.GroupBy(r => (r.Parameters.Priority * 2) + (r.Parameters.DontTrap ? 0 : 1)).OrderBy(g => g.Key))
        {
            IGrouping<object, FlowRule>? group = level.GroupBy(r => (object)r.Match.Mask)
                .FirstOrDefault(g => g.Any(r => rules.Contains(r) && (info.Key & r.Match.Mask) == r.Match.Value));
            if (group is null)
            {
                continue;
            }

            destinations.AddRange(group.Where(r => rules.Contains(r) && (info.Key & r.Match.Mask) == r.Match.Value)
                .Select(r => r.Parameters.Destination == _a.Rss ? 'a' : 'b').Distinct());
            if (level.Key % 2 == 1)
            {
                break;
            }
        }

        return destinations;
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
