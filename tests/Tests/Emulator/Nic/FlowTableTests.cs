using System.Text;
using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class FlowTableTests : IDisposable
{
    private static readonly UInt128[] s_ip4 = [0x0A00_0001, 0x0A00_0002, 0xE000_0005];
    private static readonly UInt128[] s_ip6 = [new(0x2001_0DB8_0000_0000, 1), new(0x2001_0DB8_0000_0000, 0x0A00_0001), new(0xFF02_0000_0000_0000, 1)];
    private readonly TestPort _port = new();
    private readonly TestProgram[] _programs;

    public FlowTableTests() => _programs = [new TestProgram(_port.Nic), new TestProgram(_port.Nic)];

    public void Dispose()
    {
        _port.Dispose();
        Array.ForEach(_programs, program => program.Dispose());
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<MacAddress> Mac => OneOf<ulong>(0x0200_0000_0000, 0x0200_0000_0001, 0x0100_5E00_0005).Select(bits => new MacAddress(bits));

    private static Gen<PlannedFrame> Frame => Gen.Select(Header, Header, Gen.Int[0, 3], Gen.UInt[1, 2]).Select((outer, inner, tunnel, id) => tunnel switch
    {
        0 when outer.IpVersion != 0 => outer with { Protocol = IpProtocol.Udp, Inner = inner, TunnelId = id, IsFragment = false },
        1 when outer.IpVersion != 0 => outer with { Protocol = PlannedFrame.Gre, Inner = inner, TunnelId = id, IsFragment = false },
        _ => outer,
    });

    private static Gen<PlannedFrame> Header =>
        from destination in Mac
        from source in Mac
        from vlans in OneOf<(ushort, ushort)[]>([], [], [(0x8100, 0x2005)], [(0x8100, 0x0006)], [(0x88A8, 0x2005), (0x8100, 0x0006)])
        from version in OneOf(0, 4, 4, 6)
        from addresses in Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2])
        from ports in Gen.Select(Gen.UShort[1, 2], Gen.UShort[1, 2])
        from protocol in OneOf(IpProtocol.Tcp, IpProtocol.Udp, (byte)1)
        from bits in Gen.Select(OneOf<byte>(0, 0x1C, 0x03), Gen.Int[0, 7], Gen.UInt[0, 1])
        select new PlannedFrame
        {
            Destination = destination,
            Source = source,
            Vlans = vlans,
            IpVersion = version,
            SourceIp = (version == 6 ? s_ip6 : s_ip4)[addresses.Item1],
            DestinationIp = (version == 6 ? s_ip6 : s_ip4)[addresses.Item2],
            SourcePort = ports.Item1,
            DestinationPort = ports.Item2,
            Protocol = protocol,
            TrafficClass = bits.Item1,
            IsFragment = bits.Item2 == 0 && version == 4,
            FlowLabel = bits.Item3,
        };

    /// <summary>What a frame has, asked for in part: so that frames of another roll match often.</summary>
    private static Gen<PlannedFlow> Flow =>
        from frame in Frame
        from shape in Gen.Int[0, 9]
        from priority in Gen.Int[0, 1]
        from kind in Gen.Select(Gen.Int[0, 3], Gen.Int[0, 5], OneOf<uint?>(null, null, 5, 6), Gen.Int[0, 1])
        select new PlannedFlow(Specs(frame, shape), priority, kind.Item1 == 0, kind.Item2 == 0, kind.Item3, kind.Item4);

    private static FlowSpec[] Specs(PlannedFrame frame, int shape) => shape switch
    {
        0 => [],
        1 => [Ethernet(frame, 0xFFFF_FFFF_FFFF)],
        2 => [Ethernet(frame, 0x0100_0000_0000)],
        3 => [Ethernet(frame, 0) with { EtherType = frame.EtherType, EtherTypeMask = 0xFFFF }],
        4 => [Ethernet(frame, 0) with { VlanTag = (ushort)(Tag(frame) & 0x0FFF), VlanTagMask = 0x0FFF }],
        5 => [.. Ip(frame, inner: false, whole: true)],
        6 => [Ethernet(frame, 0xFFFF_FFFF_FFFF), .. Ip(frame, inner: false, whole: false)],
        7 => [.. Ip(frame, inner: false, whole: false), .. Ports(frame, inner: false)],
        8 when frame.IsVxlan => [new VxlanSpec { Vni = frame.TunnelId, VniMask = 0xFF_FFFF }, Ethernet(frame.Inner!, 0xFFFF_FFFF_FFFF) with { IsInner = true }],
        8 when frame.IsGre => [new GreSpec { Key = frame.TunnelId, KeyMask = uint.MaxValue, Protocol = 0x6558, ProtocolMask = 0xFFFF }],
        9 when frame.Inner is not null => [.. Ip(frame.Inner, inner: true, whole: true), .. Ports(frame.Inner, inner: true)],
        _ => [Ethernet(frame, 0xFFFF_FFFF_FFFF) with { Source = frame.Source, SourceMask = MacAddress.Broadcast }],
    };

    private static ushort Tag(PlannedFrame frame) => frame.Vlans is [(_, ushort tag), ..] ? tag : (ushort)5;

    private static EthernetSpec Ethernet(PlannedFrame frame, ulong mask) =>
        new() { Destination = new MacAddress(frame.Destination.Bits & mask), DestinationMask = new MacAddress(mask) };

    private static IEnumerable<FlowSpec> Ip(PlannedFrame frame, bool inner, bool whole) => frame.IpVersion switch
    {
        4 => [new Ip4Spec
        {
            IsInner = inner,
            Source = new Ip4Address(whole ? (uint)frame.SourceIp : 0),
            SourceMask = new Ip4Address(whole ? uint.MaxValue : 0),
            Destination = new Ip4Address((uint)frame.DestinationIp),
            DestinationMask = new Ip4Address(uint.MaxValue),
            TypeOfService = whole ? frame.TrafficClass : (byte)0,
            TypeOfServiceMask = whole ? (byte)255 : (byte)0,
        }],
        6 => [new Ip6Spec
        {
            IsInner = inner,
            Source = whole ? frame.SourceIp : 0,
            SourceMask = whole ? UInt128.MaxValue : 0,
            Destination = frame.DestinationIp,
            DestinationMask = UInt128.MaxValue,
            FlowLabel = whole ? frame.FlowLabel : 0,
            FlowLabelMask = whole ? 0xF_FFFFu : 0,
        }],
        _ => [],
    };

    private static IEnumerable<FlowSpec> Ports(PlannedFrame frame, bool inner) =>
        frame.IpVersion != 0 && frame.Inner is null && frame.Protocol is IpProtocol.Tcp or IpProtocol.Udp
            ? [new PortSpec(frame.Protocol) { IsInner = inner, Destination = frame.DestinationPort, DestinationMask = 0xFFFF }]
            : [];

    [Fact]
    public void Flows_agree_with_a_list_that_is_gone_through_one_by_one() =>
        Gen.Select(Flow.Array[0, 14], Gen.Int[0, 13].Array[0, 6], Frame.Array[12]).Sample((flows, removed, frames) =>
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
        FlowEntry? again = table.Receive.FindAgain(in info.Headers); // after another frame was looked for
        int count = table.Receive.Find(in info.Headers, in fields, hits);
        Assert.True(again is null || (again.Traps && hits.AsSpan(0, count).SequenceEqual([again])), "what takes the frame again is what takes it");
        return string.Join(", ", hits[..count].Select(hit => FlowReference.Step(hit.Drops, hit.Tag,
            hit.Destinations.Select(d => Array.FindIndex(_programs, p => p.Rss == d)))));
    }
}
