using System.Runtime.CompilerServices;
using CsCheck;
using Verbena.Packets;

namespace Verbena.Tests.Packets;

public sealed class AddressTests
{
    [Theory]
    [InlineData("b8:ce:f6:aa:bb:01", 0xb8cef6aabb01)]
    [InlineData("b8ce.f6aa.bb01", 0xb8cef6aabb01)]
    [InlineData("0:1:2:3:4:5", 0x000102030405)]
    public void Both_notations_of_an_Ethernet_address_are_read(string text, ulong bits) =>
        Assert.Equal(bits, MacAddress.Parse(text).Bits);

    [Theory]
    [InlineData("")]
    [InlineData("b8:ce:f6:aa:bb")]
    [InlineData("b8:ce:f6:aa:bb:01:02")]
    [InlineData("b8:ce:f6:aa:bb:0g")]
    [InlineData("b8:ce:f6:aa:bb:001")]
    [InlineData("b8ce.f6aa.bb1")]
    [InlineData("b8ce:f6aa:bb01")]
    [InlineData("+1:ce:f6:aa:bb:01")]
    public void Anything_else_is_no_Ethernet_address(string text) => Assert.False(MacAddress.TryParse(text, out _));

    [Fact]
    public void Addresses_print_as_they_are_read()
    {
        Gen.ULong[0, 0xFFFF_FFFF_FFFF].Sample(bits => Assert.Equal(bits, MacAddress.Parse(new MacAddress(bits).ToString()).Bits));
        Gen.UInt.Sample(bits => Assert.Equal(bits, Ip4Address.Parse(new Ip4Address(bits).ToString()).Value.Value));
    }

    [Fact]
    public void An_Ethernet_address_lies_in_memory_in_transmission_order()
    {
        byte[] bytes = new byte[6];
        MacAddress.Parse("01:02:03:04:05:06").CopyTo(bytes);
        Assert.Equal<byte>([1, 2, 3, 4, 5, 6], bytes);
        Assert.Equal(6, Unsafe.SizeOf<MacAddress>());
        Assert.Equal(14, Unsafe.SizeOf<EthernetHeader>());
        Assert.Equal(28, Unsafe.SizeOf<ArpHeader>());
        Assert.Equal(20, Unsafe.SizeOf<Ip4Header>());
    }

    [Theory]
    [InlineData("02:11:22:33:44:55", "02:11:22:33:44:55", true)]
    [InlineData("02:11:22:33:44:55", "02:11:22:33:44:54", false)]
    [InlineData("02:11:22:33:44:55/24", "02:11:22:ff:ff:ff", true)]
    [InlineData("02:11:22:00:00:00/24", "02:11:23:00:00:00", false)]
    [InlineData("02:11:22:00:00:00/23", "02:11:23:00:00:00", true)]
    [InlineData("80:00:00:00:00:00/1", "ff:ff:ff:ff:ff:ff", true)]
    [InlineData("80:00:00:00:00:00/1", "7f:ff:ff:ff:ff:ff", false)]
    public void A_range_of_Ethernet_addresses_has_those_that_begin_alike(string range, string address, bool isIn)
    {
        Assert.True(MacAddressRange.TryParse(range, out MacAddressRange parsed));
        Assert.Equal(isIn, parsed.Contains(MacAddress.Parse(address)));
        Random random = new(1);
        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(parsed.Contains(parsed.Random(random))));
    }

    [Theory]
    [InlineData("02:11:22:33:44/24")]
    [InlineData("02:11:22:33:44:55/")]
    [InlineData("02:11:22:33:44:55/0")]
    [InlineData("02:11:22:33:44:55/49")]
    [InlineData("02:11:22:33:44:55/24/24")]
    [InlineData("")]
    public void Anything_else_is_no_range_of_Ethernet_addresses(string text) => Assert.False(MacAddressRange.TryParse(text, out _));

    [Fact]
    public void A_random_address_is_local_and_unicast()
    {
        Random random = new(1);
        for (int i = 0; i < 1000; i++)
        {
            MacAddress address = MacAddress.RandomLocal(random);
            Assert.Equal(0x02UL, (address.Bits >> 40) & 0x03);
        }
    }

    [Theory]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.256")]
    [InlineData("1.2.3.-1")]
    [InlineData("1.2.3.4.5")]
    [InlineData(" 1.2.3.4")]
    [InlineData("1.2.3.0004")]
    public void Anything_but_a_dotted_quad_is_no_IPv4_address(string text) => Assert.False(Ip4Address.TryParse(text, out _));

    [Theory]
    [InlineData("10.1.2.3/24", "10.1.2.0", "10.1.2.255")]
    [InlineData("10.1.2.3/32", "10.1.2.3", "10.1.2.3")]
    [InlineData("10.1.2.3/0", "0.0.0.0", "255.255.255.255")]
    [InlineData("10.1.2.3/31", "10.1.2.2", "10.1.2.3")]
    public void A_prefix_has_a_network_and_a_directed_broadcast(string text, string network, string broadcast)
    {
        Assert.True(Ip4Prefix.TryParse(text, out Ip4Prefix prefix));
        Assert.Equal(network, prefix.Network.ToString());
        Assert.Equal(broadcast, prefix.DirectedBroadcast.ToString());
        Assert.True(prefix.Contains(prefix.Address));
        Assert.Equal(text, prefix.ToString());
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.1/33")]
    [InlineData("10.0.0.1/")]
    [InlineData("10.0.0.1/8/8")]
    public void A_prefix_needs_a_length_from_0_to_32(string text) => Assert.False(Ip4Prefix.TryParse(text, out _));

    [Fact]
    public void A_big_endian_field_gives_back_what_was_stored()
    {
        Gen.ULong.Sample(value =>
        {
            Assert.Equal(value, new Be64(value).Value);
            Assert.Equal((uint)value, new Be32((uint)value).Value);
            Assert.Equal((ushort)value, new Be16((ushort)value).Value);
        });
        Assert.Equal(0x12, BitConverter.GetBytes(new Be32(0x12345678).Raw)[0]);
    }
}
