using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Random frames, and flows that match some of them.</summary>
internal static class FlowSamples
{
    private static readonly UInt128[] s_ip4 = [0x0A00_0001, 0x0A00_0002, 0xE000_0005];
    private static readonly UInt128[] s_ip6 = [new(0x2001_0DB8_0000_0000, 1), new(0x2001_0DB8_0000_0000, 0x0A00_0001), new(0xFF02_0000_0000_0000, 1)];

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<MacAddress> Mac => OneOf<ulong>(0x0200_0000_0000, 0x0200_0000_0001, 0x0100_5E00_0005).Select(bits => new MacAddress(bits));

    /// <summary>Frames with few values for each field, so that some are alike.</summary>
    public static Gen<PlannedFrame> Frame => Gen.Select(Header, Header, Gen.Int[0, 3], Gen.UInt[1, 2]).Select((outer, inner, tunnel, id) => tunnel switch
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
    public static Gen<PlannedFlow> Flow =>
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
}
