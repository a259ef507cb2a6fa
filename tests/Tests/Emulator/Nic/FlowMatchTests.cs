using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>What of a frame a flow can ask for, and what it can't.</summary>
public sealed class FlowMatchTests
{
    private static readonly PlannedFrame s_inner = new()
    {
        Destination = MacAddress.Parse("02:00:00:00:00:55"),
        Source = MacAddress.Parse("02:00:00:00:00:66"),
        Vlans = [(0x8100, 0x0123)],
        IpVersion = 6,
        SourceIp = new UInt128(1, 2),
        DestinationIp = new UInt128(3, 4),
        FlowLabel = 0xABCDE,
        TrafficClass = 0x5B,
        Protocol = IpProtocol.Tcp,
        SourcePort = 1234,
        DestinationPort = 5678,
        TcpFlags = 0x12,
    };

    private static readonly PlannedFrame s_outer = new()
    {
        Destination = MacAddress.Parse("02:00:00:00:00:01"),
        Source = MacAddress.Parse("02:00:00:00:00:99"),
        Vlans = [(0x88A8, 0xA005), (0x8100, 0x6007)],
        IpVersion = 4,
        SourceIp = 0x0A00_0001,
        DestinationIp = 0x0A00_0002,
        TrafficClass = 0xB9,
        TimeToLive = 63,
        Protocol = IpProtocol.Udp,
        SourcePort = 4000,
        Inner = s_inner,
        TunnelId = 0x123456,
    };

    // Bytes of struct fte_match_param: where they are, what they are in the frame above. The C structure is in libmlx5's mlx5_ifc.h.
    [Theory]
    [InlineData(0, "020000000099", "source MAC")]
    [InlineData(6, "0800", "EtherType, behind all tags")]
    [InlineData(8, "020000000001", "destination MAC")]
    [InlineData(14, "a005", "first VLAN tag")]
    [InlineData(16, "11", "IP protocol")]
    [InlineData(17, "b9", "DSCP and ECN")]
    [InlineData(18, "4800", "S-VLAN, IP version, TCP flags")]
    [InlineData(20, "00000000", "TCP ports")]
    [InlineData(27, "3f", "TTL")]
    [InlineData(28, "0fa012b5", "UDP ports")]
    [InlineData(32, "0000000000000000000000000a000001", "source address")]
    [InlineData(48, "0000000000000000000000000a000002", "destination address")]
    [InlineData(64 + 8, "6007", "second VLAN tag")]
    [InlineData(64 + 12, "80", "it is a C-VLAN tag")]
    [InlineData(64 + 20, "123456", "VNI")]
    [InlineData(64 + 28, "00000000", "flow label")]
    [InlineData(64 + 32, "000abcde", "inner flow label")]
    [InlineData(128, "020000000066", "inner source MAC")]
    [InlineData(128 + 6, "86dd", "inner EtherType")]
    [InlineData(128 + 8, "020000000055", "inner destination MAC")]
    [InlineData(128 + 14, "0123", "inner VLAN tag")]
    [InlineData(128 + 16, "06", "inner protocol")]
    [InlineData(128 + 17, "5b", "inner traffic class")]
    [InlineData(128 + 18, "8c12", "C-VLAN, IP version 6, TCP flags SYN and ACK")]
    [InlineData(128 + 20, "04d2162e", "inner TCP ports")]
    [InlineData(128 + 48, "00000000000000030000000000000004", "inner destination address")]
    public void A_field_lies_where_the_hardware_has_it(int offset, string bytes, string field)
    {
        byte[] value = Convert.FromHexString(bytes);
        byte[] frame = s_outer.ToBytes();
        byte[] mask = [.. value.Select((b, i) => (byte)(0xFF & ComparedAt(offset + i)))];
        Assert.True(Matches(frame, offset, value, mask), field);
        for (int bit = 0; bit < value.Length * 8; bit++)
        {
            byte[] other = [.. value];
            other[bit / 8] ^= (byte)(1 << (bit % 8));
            if ((mask[bit / 8] & (1 << (bit % 8))) != 0)
            {
                Assert.False(Matches(frame, offset, other, mask), $"{field}, bit {bit}");
            }
        }
    }

    [Fact]
    public void GRE_is_parsed_with_its_key()
    {
        PlannedFrame gre = s_outer with { Protocol = PlannedFrame.Gre };
        Assert.True(Matches(gre.ToBytes(), 64, [0x20], [0xB0]), "key present");
        Assert.True(Matches(gre.ToBytes(), 64 + 14, [0x65, 0x58, 0x00, 0x12, 0x34, 0x56], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), "protocol and key");
        Assert.True(Matches(gre.ToBytes(), 128 + 20, [0x04, 0xD2], [0xFF, 0xFF]), "inner port");
    }

    [Fact]
    public void GENEVE_is_parsed_with_its_options_and_what_it_carries()
    {
        PlannedFrame udp = s_outer with { Inner = null, Vlans = [], DestinationPort = 6081 };
        byte[] frame = udp.ToBytes();
        byte[] geneve = [0x01, 0x80, 0x86, 0xDD, 0x00, 0x00, 0x4D, 0x00, 1, 2, 3, 4]; // one option, OAM, IPv6, VNI 77
        byte[] packet = s_inner.ToBytes()[18..];
        byte[] bytes = [.. frame[..42], .. geneve, .. packet];
        bytes[17] = (byte)(bytes.Length - 14); // total length of the IP packet
        Assert.True(Matches(bytes, 64 + 24, [0x00, 0x00, 0x4D, 0x01], [0xFF, 0xFF, 0xFF, 0x01]), "VNI and OAM");
        Assert.True(Matches(bytes, 64 + 36, [0x00, 0x01, 0x86, 0xDD], [0x00, 0x3F, 0xFF, 0xFF]), "options and protocol");
        Assert.True(Matches(bytes, 128 + 20, [0x04, 0xD2], [0xFF, 0xFF]), "inner port");
        Assert.True(Matches(bytes, 128, [0, 0, 0, 0, 0, 0, 0x86, 0xDD], [255, 255, 255, 255, 255, 255, 255, 255]), "no inner Ethernet header");
    }

    [Fact]
    public void Ports_of_a_fragment_are_not_matched()
    {
        byte[] fragment = (s_outer with { Inner = null, DestinationPort = 9, IsFragment = true }).ToBytes();
        Assert.False(Matches(fragment, 30, [0, 9], [0xFF, 0xFF]), "no port");
        Assert.True(Matches(fragment, 18, [0x20], [0x20]), "fragment");
    }

    [Theory]
    [InlineData(24)]      // reserved, of later hardware
    [InlineData(64 + 1)]  // send queue
    [InlineData(64 + 6)]  // virtual port
    [InlineData(64 + 23)] // reserved
    [InlineData(192)]     // MPLS labels
    [InlineData(256)]     // TCP sequence numbers
    [InlineData(639)]
    public void What_the_port_does_not_compare_is_EOPNOTSUPP_unless_its_section_is_not_in_force(int offset)
    {
        byte[] mask = new byte[MatchParameters.MaxBytes];
        mask[offset] = 1;
        var all = (MatchCriteria)0xFF;
        if (offset < 512)
        {
            Assert.Equal(95, Assert.Throws<NicException>(() => FlowMatch.OfParameters([], mask, all)).Errno);
        }

        MatchCriteria others = all & ~(MatchCriteria)(1 << (offset / 64));
        Assert.Equal(FlowMatch.OfParameters([], [], others), FlowMatch.OfParameters([], mask, others));
    }

    [Fact]
    public void A_value_outside_its_mask_is_EINVAL()
    {
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.OfParameters([1], [0], MatchCriteria.Outer)).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(new EthernetSpec { EtherType = 1 })).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(new PortSpec(IpProtocol.Udp) { Source = 1 })).Errno);
    }

    [Fact]
    public void Headers_that_contradict_each_other_are_EINVAL()
    {
        EthernetSpec type6 = new() { EtherType = EtherType.Ip6, EtherTypeMask = 0xFFFF };
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(type6, new Ip4Spec())).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(type6 with { EtherType = 0, EtherTypeMask = 0xFF00 }, new Ip6Spec())).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(new Ip4Spec { Protocol = 6, ProtocolMask = 0xFF }, new PortSpec(IpProtocol.Udp))).Errno);
        Assert.Equal(22, Assert.Throws<NicException>(() => FlowMatch.Of(new PortSpec(IpProtocol.Tcp), new GreSpec())).Errno);
        FlowMatch.Of(type6, new Ip6Spec(), new Ip4Spec { IsInner = true });
        FlowMatch.Of(type6 with { EtherType = 0x8847 }, new Ip4Spec()); // MPLS, with IP behind the labels
    }

    [Fact]
    public void Specifications_and_parameters_that_say_the_same_are_equal()
    {
        byte[] value = new byte[64];
        byte[] mask = new byte[64];
        MacAddress.Parse("02:00:00:00:00:01").CopyTo(value.AsSpan(8));
        MacAddress.Broadcast.CopyTo(mask.AsSpan(8));
        (value[18], mask[18]) = (4 << 1, 0x1E);
        (value[16], mask[16]) = (17, 0xFF);
        (value[30], mask[30], mask[31]) = (1, 0xFF, 0xFF);
        FlowMatch specs = FlowMatch.Of(
            new EthernetSpec { Destination = MacAddress.Parse("02:00:00:00:00:01"), DestinationMask = MacAddress.Broadcast },
            new Ip4Spec(), new PortSpec(IpProtocol.Udp) { Destination = 256, DestinationMask = 0xFFFF });
        Assert.Equal(specs, FlowMatch.OfParameters(value, mask, MatchCriteria.Outer));
    }

    private static byte ComparedAt(int offset) => MatchParameters.Compared[offset];

    private static bool Matches(byte[] frame, int offset, byte[] value, byte[] mask)
    {
        byte[] values = new byte[MatchParameters.ComparedBytes];
        byte[] masks = new byte[MatchParameters.ComparedBytes];
        for (int i = 0; i < value.Length; i++)
        {
            values[offset + i] = (byte)(value[i] & mask[i]);
            masks[offset + i] = mask[i];
        }

        FlowMatch match = FlowMatch.OfParameters(values, masks, (MatchCriteria)(1 << (offset / 64)));
        FrameInfo.Parse(frame, out FrameInfo info);
        MatchFields fields = TunnelHeaders.Fields(frame, in info);
        return (fields.Outer & match.Mask.Outer) == match.Value.Outer && (fields.Misc & match.Mask.Misc) == match.Value.Misc
            && (fields.Inner & match.Mask.Inner) == match.Value.Inner;
    }
}
