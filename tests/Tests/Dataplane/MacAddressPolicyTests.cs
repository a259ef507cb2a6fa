using Verbena.Dataplane;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

public sealed class MacAddressPolicyTests : IDisposable
{
    private const string Harmless = "02:00:00:00:00:42";
    private const string Group = "01:00:5e:00:00:05";
    private readonly TestRouter _test = new();

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData(Harmless, null)]
    [InlineData(TestPort.HostMac, "it is Linux's own on this port, which would receive nothing any more; to take it all the same, add force")]
    [InlineData(Group, "it is a group's, from which nothing may be sent; to take it all the same, add force")]
    [InlineData("ff:ff:ff:ff:ff:ff", "it is a group's, from which nothing may be sent; to take it all the same, add force")]
    [InlineData("00:00:00:00:00:00", "it is no address")]
    public void Linux_s_address_and_groups_are_refused(string address, string? reason) =>
        Assert.Equal(reason is null ? null : $"left can't have {address}: {reason}", Refusal(new MacAddressPolicy(), address, force: false));

    [Theory]
    [InlineData(TestPort.HostMac, true)]
    [InlineData(Group, true)]
    [InlineData("00:00:00:00:00:00", false)]
    public void Force_takes_them_but_no_address_that_is_none(string address, bool passes) =>
        Assert.Equal(passes, Refusal(new MacAddressPolicy(), address, force: true) is null);

    [Fact]
    public void An_address_of_another_interface_on_the_same_port_is_taken_by_force_only()
    {
        MacAddress own = MacAddress.Parse("02:00:00:00:05:01"), second = MacAddress.Parse("02:00:00:00:05:02");
        using TestPort onePort = new(_test.Buffers, "one", own.ToString()) { SharedPort = "nic" };
        using TestPort twoPort = new(_test.Buffers, "two", Harmless) { SharedPort = "nic" };
        (Interface one, Interface two) = (_test.Router.Interfaces.Add(onePort), _test.Router.Interfaces.Add(twoPort));
        _test.Router.Reception.AddSecondaryMacAddress(one, second);
        foreach (MacAddress taken in (MacAddress[])[own, second])
        {
            string refusal = $"two can't have {taken}: one on the same port has it, and each frame would come to both; to take it all the same, add force";
            Assert.Equal(refusal, Assert.Throws<RouterException>(() => _test.Router.Interfaces.SetMacAddress(two, taken)).Message);
            Assert.Equal(refusal, Assert.Throws<RouterException>(() => _test.Router.Reception.AddSecondaryMacAddress(two, taken)).Message);
            _test.Router.Interfaces.SetMacAddress(_test.Left, taken); // whose port is another
        }

        _test.Router.Interfaces.SetMacAddress(one, own); // it is its own
        _test.Router.Interfaces.SetMacAddress(two, own, force: true);
        _test.Router.Reception.AddSecondaryMacAddress(two, second, force: true);
        Assert.Equal((own, second), (twoPort.MacAddress, Assert.Single(twoPort.SecondaryMacAddresses)));
    }

    [Theory]
    [InlineData("02:11:22:33:44:55", true)]
    [InlineData("02:33:00:00:00:07", true)]
    [InlineData("02:33:01:00:00:07", false)]
    [InlineData(TestPort.HostMac, false)]
    public void Beyond_what_is_allowed_force_does_not_help(string address, bool passes)
    {
        MacAddressPolicy policy = Allowing("02:11:22:33:44:55", "02:33:00:00:00:00/24");
        string? refusal = Refusal(policy, address, force: true);
        Assert.Equal(passes ? null : $"left can't have {address}: only these may be used, says --allow-mac: 02:11:22:33:44:55, 02:33:00:00:00:00/24", refusal);
    }

    [Fact]
    public void A_new_port_gets_an_address_that_is_allowed_and_free()
    {
        MacAddressPolicy policy = Allowing("02:11:22:33:44:54/47");
        MacAddress[] both = [MacAddress.Parse("02:11:22:33:44:54"), MacAddress.Parse("02:11:22:33:44:55")];
        Assert.Equal(both[1], policy.Choose(new Random(1), [both[0]]));
        Assert.Equal(both[0], policy.Choose(new Random(1), [both[1]]));
        Assert.Equal("no MAC address is free of those that --allow-mac allows: 02:11:22:33:44:54/47",
            Assert.Throws<RouterException>(() => policy.Choose(new Random(1), both)).Message);
    }

    [Fact]
    public void Of_what_is_allowed_a_new_port_gets_no_group()
    {
        MacAddressPolicy policy = Allowing("01:00:00:00:00:00/7");
        Assert.All(Enumerable.Range(0, 100), seed => Assert.False(policy.Choose(new Random(seed), []).IsMulticast));
    }

    [Fact]
    public void Interfaces_without_a_port_take_only_allowed_addresses()
    {
        using BufferPool buffers = new(64);
        using Router router = new(buffers, macAddresses: Allowing("02:11:22:33:44:54/47"));
        var usual = MacAddress.Parse("de:ad:00:00:00:00");
        Assert.Equal("loop0 can't have de:ad:00:00:00:00: only these may be used, says --allow-mac: 02:11:22:33:44:54/47",
            Assert.Throws<RouterException>(() => router.Interfaces.AddVirtual("loop0", usual)).Message);
        MacAddress first = router.Interfaces.AddVirtualWithUsual("loop0", usual).MacAddress;
        MacAddress second = router.Interfaces.AddVirtualWithUsual("loop1", usual).MacAddress;
        Assert.Equal((0x0211_2233_4454UL, 1UL), (first.Bits & second.Bits, first.Bits ^ second.Bits));
        Assert.Throws<RouterException>(() => router.Interfaces.AddVirtualWithUsual("loop2", usual));
        Assert.Null(router.Interfaces.Find("loop2"));
    }

    private static MacAddressPolicy Allowing(params string[] ranges) =>
        new([.. ranges.Select(text => MacAddressRange.TryParse(text, out MacAddressRange range) ? range : throw new FormatException(text))]);

    private string? Refusal(MacAddressPolicy policy, string address, bool force) =>
        Record.Exception(() => policy.Check(MacAddress.Parse(address), _test.Left, _test.Router.Interfaces.All.ToArray(), force))?.Message;
}
