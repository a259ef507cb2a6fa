using Verbena.Driver;
using Verbena.Interop;
using Verbena.Packets;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>Which frames reach which of the interfaces on a port: at each end of a cable there is one, and a third beside the far one.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class PortSteeringTests : IDisposable
{
    private static readonly MacAddress s_second = new(0x02_0000_005EC0);
    private static readonly MacAddress s_foreign = new(0x02_0000_00BBBB);
    private static readonly MacAddress s_group = new(0x0100_5E00_0005);
    private readonly CabledPorts _cable = new();
    private readonly RdmaPort _near;
    private readonly RdmaPort _far;
    private readonly RdmaPort _beside;

    public PortSteeringTests()
    {
        _near = _cable.Open(_cable.NearName);
        _far = _cable.Open(_cable.FarName);
        _beside = _cable.Open(_cable.FarName, options => options with { Name = "beside" });
    }

    public void Dispose() => _cable.Dispose();

    [Fact]
    public void A_promiscuous_port_receives_each_frame_once_and_none_that_another_interface_takes()
    {
        MacAddress[] destinations = [_far.MacAddress, MacAddress.Broadcast, s_foreign, _beside.MacAddress];
        _far.SetPromiscuous(true);
        Assert.Equal([1, 2, 3], FarReceives(destinations));
        Assert.Equal([2, 4], Ids(_beside));

        _far.SetPromiscuous(false);
        Assert.Equal([1, 2], FarReceives(destinations));
        Assert.Equal([2, 4], Ids(_beside));
    }

    [Fact]
    public void An_address_that_two_ports_have_brings_each_frame_to_both_and_they_say_that_they_share_a_port()
    {
        _beside.SetMacAddress(_far.MacAddress);
        Assert.Equal([1], FarReceives(_far.MacAddress));
        Assert.Equal([1], Ids(_beside));
        Assert.Equal(_far.NicPort, _beside.NicPort);
        Assert.NotEqual(_far.NicPort, _near.NicPort, StringComparer.Ordinal);
    }

    [Fact]
    public void Two_promiscuous_ports_each_receive_a_copy()
    {
        _far.SetPromiscuous(true);
        _beside.SetPromiscuous(true);
        Assert.Equal([1], FarReceives(s_foreign));
        Assert.Equal([1], Ids(_beside));
    }

    [Fact]
    public void A_secondary_address_is_received_for_until_it_is_taken_away()
    {
        MacAddress[] destinations = [_far.MacAddress, s_second, s_foreign];
        _far.SetSecondaryMacAddresses([s_second]);
        Assert.Equal([1, 2], FarReceives(destinations));
        _far.SetSecondaryMacAddresses([s_second, s_foreign]);
        Assert.Equal([1, 2, 3], FarReceives(destinations));
        _far.SetSecondaryMacAddresses([s_foreign]);
        Assert.Equal([1, 3], FarReceives(destinations));
    }

    [Fact]
    public void An_address_that_is_both_stays_when_it_is_no_longer_one_of_the_two()
    {
        MacAddress own = _far.MacAddress;
        _far.SetSecondaryMacAddresses([own]);
        Assert.Equal([1], FarReceives(own));
        _far.SetMacAddress(s_second);
        Assert.Equal([1, 2], FarReceives(own, s_second));
        _far.SetSecondaryMacAddresses([]);
        Assert.Equal([2], FarReceives(own, s_second));
    }

    [Fact]
    public void A_port_may_receive_of_all_groups_only_broadcast()
    {
        _far.SetAllMulticast(false);
        Assert.Equal([1, 3], FarReceives(_far.MacAddress, s_group, MacAddress.Broadcast));
        Assert.Equal([2, 3], Ids(_beside));
        _far.SetAllMulticast(true);
        Assert.Equal([1, 2, 3], FarReceives(_far.MacAddress, s_group, MacAddress.Broadcast));
    }

    [Fact]
    public void A_group_among_the_addresses_is_copied_once_and_stays_everybody_s()
    {
        _far.SetSecondaryMacAddresses([s_group]);
        Assert.Equal([1], FarReceives(s_group));
        Assert.Equal([1], Ids(_beside));
        _far.SetAllMulticast(false);
        Assert.Equal([1], FarReceives(s_group));
        Assert.Equal([1], Ids(_beside));
    }

    [Fact]
    public void A_port_that_receives_everything_receives_nothing_that_it_has_sent()
    {
        _far.SetSecondaryMacAddresses([s_second]);
        _far.SetPromiscuous(true);
        MacAddress[] destinations = [_far.MacAddress, s_second, s_foreign, s_group, MacAddress.Broadcast];
        _cable.Send(_far, Frames(destinations));
        Assert.Empty(_cable.Receive(_far));
        Assert.Equal([4, 5], Ids(_beside));
    }

    [Fact]
    public void What_was_asked_for_while_the_port_was_down_holds_when_it_comes_up()
    {
        _far.SetAdminUp(false);
        _far.SetMacAddress(s_second);
        _far.SetPromiscuous(true);
        _far.SetAllMulticast(false);
        Assert.Empty(FarReceives(s_second, s_foreign));
        _far.SetAdminUp(true);
        Assert.Equal([1, 2], FarReceives(s_second, s_foreign, s_group));
    }

    public static TheoryData<string, int> Refusals => new MatrixTheoryData<string, int>(["mac", "secondary", "promiscuous", "group"], [1, 2]);

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_the_NIC_refuses_changes_nothing(string change, int refusedCommand)
    {
        MacAddress[] destinations = [_far.MacAddress, s_second, s_foreign, MacAddress.Broadcast, s_group];
        _far.SetAllMulticast(false);
        SteeredFrames before = _far.Steered;
        _cable.Nics.Faults.FailCommand(refusedCommand, (int)Errno.ENOSPC);

        Assert.Equal("ibv_create_flow", Assert.Throws<VerbsException>(() => Change(change)).Verb);

        Assert.Equal(before, _far.Steered);
        Assert.Equal([1, 4], FarReceives(destinations));
        Change(change);
        Assert.NotEqual([1, 4], FarReceives(destinations));
    }

    [Fact]
    public void Frames_that_a_change_does_not_concern_arrive_each_once_while_it_is_made()
    {
        _far.SetSecondaryMacAddresses([s_second]);
        var sent = new List<int>();
        var received = new List<int>();
        var changing = new Thread(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                _far.SetMacAddress(new MacAddress(0x02_0000_010000 + (ulong)i));
                _far.SetPromiscuous(i % 2 == 0);
                _far.SetSecondaryMacAddresses(i % 2 == 0 ? [s_second, s_foreign] : [s_second]);
            }
        });
        changing.Start();
        for (int id = 0; changing.IsAlive; id += 2)
        {
            sent.AddRange([id, id + 1]);
            _cable.Send(_near, CabledPorts.Frame(s_second, id), CabledPorts.Frame(MacAddress.Broadcast, id + 1));
            received.AddRange(Ids(_far));
            _cable.Receive(_beside);
        }

        Assert.Equal(new MacAddress(0x02_0000_010063), _far.MacAddress);
        Assert.Equal(sent, received);
    }

    private void Change(string what)
    {
        switch (what)
        {
            case "mac":
                _far.SetMacAddress(s_second);
                break;
            case "secondary":
                _far.SetSecondaryMacAddresses([s_second]);
                break;
            case "promiscuous":
                _far.SetPromiscuous(true);
                break;
            default:
                _far.SetAllMulticast(true);
                break;
        }
    }

    /// <summary>The near port sends a frame to each address, numbered from 1; returns the numbers that arrive at the far one.</summary>
    private int[] FarReceives(params MacAddress[] destinations)
    {
        _cable.Send(_near, Frames(destinations));
        return Ids(_far);
    }

    private static byte[][] Frames(MacAddress[] destinations) => [.. destinations.Select((address, i) => CabledPorts.Frame(address, id: i + 1))];

    private int[] Ids(RdmaPort port) => [.. _cable.Receive(port).Select(frame => BitConverter.ToInt32(frame, 14)).Order()];
}
