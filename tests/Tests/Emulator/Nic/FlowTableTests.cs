using System.Text;
using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class FlowTableTests : IDisposable
{
    private readonly TestPort _port = new();
    private readonly TestProgram[] _programs;

    public FlowTableTests() => _programs = [new TestProgram(_port.Nic), new TestProgram(_port.Nic)];

    public void Dispose()
    {
        _port.Dispose();
        Array.ForEach(_programs, program => program.Dispose());
    }

    [Fact]
    public void Flows_agree_with_a_list_that_is_gone_through_one_by_one() =>
        Gen.Select(FlowSamples.Flow.Array[0, 14], Gen.Int[0, 13].Array[0, 6], FlowSamples.Frame.Array[12]).Sample((flows, removed, frames) =>
        {
            FlowTable table = new();
            FlowReference reference = new();
            Dictionary<PlannedFlow, FlowRule> rules = [];
            for (int i = 0; i < flows.Length; i++)
            {
                Assert.Equal(reference.TryAdd(flows[i]), TryAdd(table, flows[i], rules));
                if (i < removed.Length && removed[i] <= i && rules.Remove(flows[removed[i]], out FlowRule? rule))
                {
                    table.Remove(rule);
                    reference.Remove(flows[removed[i]]);
                }
            }

            foreach (PlannedFrame frame in frames)
            {
                Assert.Equal(reference.Steer(frame), Steer(table, frame.ToBytes()));
            }
        }, iter: 1000, print: Print);

    [Fact]
    public void A_priority_has_room_for_six_masks_and_for_single_flows_of_others()
    {
        const int Large = 9362; // a seventh of 65536
        FlowLevel level = new(continues: false);
        for (int i = 0; i < 6; i++)
        {
            level.Add(Rule(FlowMatch.Of(new PortSpec(IpProtocol.Tcp) { SourceMask = (ushort)(1 << i) })));
        }

        List<FlowRule> singles = [];
        for (int i = 0; i < 65536 - (6 * Large); i++)
        {
            singles.Add(Rule(Udp(i)));
            level.Add(singles[i]);
        }

        Assert.Equal(28, Assert.Throws<NicException>(() => level.Add(Rule(Udp(65535)))).Errno);
        level.Add(Rule(FlowMatch.Of(new PortSpec(IpProtocol.Tcp) { Source = 1, SourceMask = 1 }))); // the large groups have room
        level.Remove(singles[100]);
        level.Add(Rule(Udp(65535)));
    }

    private static FlowMatch Udp(int port) => FlowMatch.Of(new PortSpec(IpProtocol.Udp) { Destination = (ushort)port, DestinationMask = 0xFFFF });

    private FlowRule Rule(FlowMatch match) => new(new FlowParameters { Context = _programs[0].Context, Destination = _programs[0].Rss, Match = match });

    [Fact]
    public void A_group_holds_its_flows_while_others_come_and_go() =>
        Gen.Int[0, 5].Array[0, 30].Sample(ports =>
        {
            FlowLevel level = new(continues: false);
            Dictionary<int, FlowRule> rules = [];
            foreach (int port in ports)
            {
                if (rules.Remove(port, out FlowRule? rule))
                {
                    level.Remove(rule);
                }
                else
                {
                    level.Add(rules[port] = Rule(Udp(port)));
                }
            }

            for (int port = 0; port <= 5; port++)
            {
                MatchFields frame = Udp(port).Value;
                FlowEntry? found = level.Groups.Select(group => group.Find(in frame.Outer, in frame)).SingleOrDefault();
                Assert.Equal(rules.ContainsKey(port), found is not null);
            }
        });

    private static string Print((PlannedFlow[] Flows, int[] Removed, PlannedFrame[] Frames) sample) => new StringBuilder()
        .AppendJoin('\n', sample.Flows.Select((flow, i) => $"{flow}{(i < sample.Removed.Length ? $"; then remove {sample.Removed[i]}" : "")}"))
        .AppendJoin('\n', sample.Frames.Select(frame => frame.ToString())).ToString();

    private bool TryAdd(FlowTable table, PlannedFlow flow, Dictionary<PlannedFlow, FlowRule> rules)
    {
        try
        {
            rules.Add(flow, table.Add(new FlowParameters
            {
                Context = _programs[flow.Destination].Context,
                Destination = _programs[flow.Destination].Rss,
                Match = FlowMatch.Of(flow.Specs),
                Priority = flow.Priority,
                DontTrap = flow.DontTrap,
                Action = flow.Drops ? FlowAction.Drop : FlowAction.Forward,
                Tag = flow.Tag,
            }));
            return true;
        }
        catch (NicException refused) when (refused.Errno == 17)
        {
            return false;
        }
    }

    private string Steer(FlowTable table, byte[] frame)
    {
        FrameInfo.Parse(frame, out FrameInfo info);
        MatchFields fields = TunnelHeaders.Fields(frame, in info);
        FlowEntry[] hits = new FlowEntry[FlowPriorities.MaxHits];
        int count = table.Receive.Find(in info.Headers, in fields, hits);
        return string.Join(", ", hits[..count].Select(hit => FlowReference.Step(hit.Drops, hit.Tag,
            hit.Destinations.Select(d => Array.FindIndex(_programs, p => p.Rss == d)))));
    }
}
