using Verbena.Driver;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Driver;
using Verbena.Tests.Emulator.Nic;
using Verbena.Tests.Packets;

namespace Verbena.Tests.Emulator.Eswitch;

/// <summary>A physical function with two virtual ones, a cable to another NIC, and driver ports on the real libibverbs.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class EmbeddedSwitchTests : IDisposable
{
    private static readonly MacAddress s_nobody = MacAddress.Parse("02:00:00:00:99:99");
    private readonly ManualTime _time = new();
    private readonly CabledPorts _cable;
    private readonly RdmaPort _far;

    public EmbeddedSwitchTests()
    {
        _cable = new CabledPorts(virtualFunctions: 2, time: _time);
        _far = _cable.Open(_cable.FarName);
    }

    private NicDevice Physical => _cable.Nics.Devices[_cable.NearName];

    private NicDevice Function(int number) => _cable.Nics.FunctionsOf(Physical).ElementAt(number);

    /// <summary>A port on a virtual function, with the function's address.</summary>
    private RdmaPort Open(int number)
    {
        RdmaPort port = _cable.Open(Function(number).Options.Name);
        port.SetMacAddress(Function(number).MacAddress);
        return port;
    }

    private void Set(int number, Func<VportSettings, VportSettings> change) => _cable.Nics.SetFunction(Function(number), change(Function(number).Function!));

    private static byte[] Frame(RdmaPort from, MacAddress to, int length = 64)
    {
        byte[] frame = CabledPorts.Frame(to, length: length);
        from.MacAddress.CopyTo(frame.AsSpan(6));
        return frame;
    }

    /// <summary>Sends frames, and says how many of them each port got.</summary>
    private int[] Send(RdmaPort from, byte[] frame, params RdmaPort[] to)
    {
        _cable.Send(from, frame);
        return [.. to.Select(port => _cable.Receive(port).Count(got => got.SequenceEqual(frame)))];
    }

    public void Dispose()
    {
        foreach (NicDevice nic in _cable.Nics.Devices.Values)
        {
            PortCounters counters = nic.Counters;
            Assert.Equal(
                counters[PortCounter.WireReceived] + counters[PortCounter.NetdevSent] + counters[PortCounter.QueueSent] + counters[PortCounter.Copies],
                counters[PortCounter.QueueReceived] + counters[PortCounter.NetdevReceived] + counters[PortCounter.WireSent] + counters.Dropped);
        }

        SwitchCounters inside = Physical.SwitchCounters!;
        Assert.Equal(
            inside[SwitchCounter.UplinkReceived] + inside[SwitchCounter.VportSent] + inside[SwitchCounter.Copies],
            inside[SwitchCounter.VportReceived] + inside[SwitchCounter.UplinkSent] + inside[SwitchCounter.UplinkDown]
                + inside[SwitchCounter.UplinkError] + inside[SwitchCounter.VportFull]);
        _cable.Dispose();
    }

    [Fact]
    public void Functions_reach_each_other_inside_the_NIC()
    {
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Assert.Equal([1, 0], Send(zero, Frame(zero, one.MacAddress), one, _far));
        Assert.Equal([1, 0], Send(one, Frame(one, zero.MacAddress), zero, _far));
        Assert.Equal(0UL, Physical.SwitchCounters![SwitchCounter.UplinkSent]);
    }

    [Fact]
    public void A_function_reaches_the_wire_and_is_reached_from_it()
    {
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Assert.Equal([1, 0], Send(zero, Frame(zero, _far.MacAddress), _far, one));
        Assert.Equal([1, 0], Send(_far, Frame(_far, zero.MacAddress), zero, one));
    }

    [Fact]
    public void The_physical_function_keeps_what_was_its_own()
    {
        RdmaPort physical = _cable.Open(_cable.NearName);
        RdmaPort zero = Open(0);
        Assert.Equal([1, 0], Send(physical, Frame(physical, _far.MacAddress), _far, zero));
        Assert.Equal([1, 0], Send(_far, Frame(_far, physical.MacAddress), physical, zero));
        Assert.Equal([1, 0], Send(physical, Frame(physical, zero.MacAddress), zero, _far));
    }

    [Fact]
    public void A_group_is_sent_to_all_but_the_sender()
    {
        RdmaPort physical = _cable.Open(_cable.NearName);
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Assert.Equal([0, 1, 1, 1], Send(zero, Frame(zero, MacAddress.Broadcast), zero, one, physical, _far));
        Assert.Equal([0, 1, 1, 1], Send(physical, Frame(physical, MacAddress.Parse("01:00:5e:00:00:05")), physical, one, zero, _far));
        Assert.Equal([1, 1, 1, 0], Send(_far, Frame(_far, MacAddress.Broadcast), zero, one, physical, _far));
    }

    [Fact]
    public void What_a_function_sends_to_nobody_it_knows_goes_to_the_wire_alone()
    {
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Set(1, vf => vf with { IsTrusted = true });
        one.SetPromiscuous(true);
        _far.SetPromiscuous(true);
        Assert.Equal([1, 0], Send(zero, Frame(zero, s_nobody), _far, one));
    }

    [Fact]
    public void A_function_is_known_by_its_netdevs_address_and_by_no_other()
    {
        RdmaPort zero = Open(0);
        zero.SetMacAddress(s_nobody);
        Assert.Equal([0], Send(_far, Frame(_far, s_nobody), zero));
        Set(0, vf => vf with { Mac = s_nobody });
        Assert.Equal([1], Send(_far, Frame(_far, s_nobody), zero));
    }

    [Fact]
    public void A_spoofed_frame_is_dropped_and_counted_while_spoof_checking_is_on()
    {
        RdmaPort zero = Open(0);
        Set(0, vf => vf with { SpoofCheck = true });
        Assert.Equal([1], Send(zero, Frame(zero, _far.MacAddress), _far));
        byte[] spoofed = CabledPorts.Frame(_far.MacAddress);
        Assert.Equal([0], Send(zero, spoofed, _far));
        Assert.Equal(1UL, Function(0).Counters[PortCounter.TxSpoofed]);
        Set(0, vf => vf with { SpoofCheck = false });
        Assert.Equal([1], Send(zero, spoofed, _far));
    }

    [Fact]
    public void Only_a_trusted_function_may_be_promiscuous()
    {
        RdmaPort zero = Open(0);
        Assert.ThrowsAny<RdmaException>(() => zero.SetPromiscuous(true));
        Assert.Equal([0], Send(_far, Frame(_far, s_nobody), zero));
        Set(0, vf => vf with { IsTrusted = true });
        zero.SetPromiscuous(true);
        Assert.Equal([1], Send(_far, Frame(_far, s_nobody), zero));
    }

    [Fact]
    public void A_promiscuous_function_that_loses_trust_gets_its_own_frames_only()
    {
        RdmaPort zero = Open(0);
        Set(0, vf => vf with { IsTrusted = true });
        zero.SetPromiscuous(true);
        Set(0, vf => vf with { IsTrusted = false });
        Assert.Equal([0], Send(_far, Frame(_far, s_nobody), zero));
        Assert.Equal([1], Send(_far, Frame(_far, zero.MacAddress), zero));
    }

    [Fact]
    public void A_function_is_in_its_VLAN_without_knowing()
    {
        RdmaPort zero = Open(0);
        Set(0, vf => vf with { Vlan = 100, Qos = 5 });
        byte[] plain = Frame(zero, _far.MacAddress);
        _cable.Send(zero, plain);
        byte[] got = Assert.Single(_cable.Receive(_far));
        Assert.Equal((byte[])[.. plain[..12], 0x81, 0x00, 0xA0, 100, .. plain[12..]], got);

        byte[] answer = [.. Frame(_far, zero.MacAddress)[..12], 0x81, 0x00, 0x00, 100, .. plain[12..]];
        _cable.Send(_far, answer);
        Assert.Equal((byte[])[.. answer[..12], .. answer[16..]], Assert.Single(_cable.Receive(zero)));
    }

    [Fact]
    public void What_is_not_in_a_functions_VLAN_is_dropped_and_counted()
    {
        RdmaPort zero = Open(0);
        Set(0, vf => vf with { Vlan = 100 });
        byte[] plain = Frame(_far, zero.MacAddress);
        _cable.Send(_far, plain, [.. plain[..12], 0x81, 0x00, 0x00, 101, .. plain[12..]]);
        Assert.Empty(_cable.Receive(zero));
        Assert.Equal(2UL, Function(0).Counters[PortCounter.RxOtherVlan]);
    }

    [Fact]
    public void Functions_of_one_VLAN_reach_each_other_untagged()
    {
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Set(0, vf => vf with { Vlan = 100 });
        Assert.Equal([0], Send(zero, Frame(zero, one.MacAddress), one));
        _cable.Receive(one);
        Set(1, vf => vf with { Vlan = 100 });
        Assert.Equal([1], Send(zero, Frame(zero, one.MacAddress), one));
    }

    [Fact]
    public void A_functions_link_is_the_ports_or_as_the_host_says()
    {
        Assert.True(Function(0).Link.IsUp);
        Physical.SetCarrier(false);
        _cable.Run();
        Assert.False(Function(0).Link.IsUp);
        Set(0, vf => vf with { LinkState = VportLinkState.Enable });
        _cable.Run();
        Assert.True(Function(0).Link.IsUp);
        Physical.SetCarrier(true);
        Set(1, vf => vf with { LinkState = VportLinkState.Disable });
        _cable.Run();
        Assert.False(Function(1).Link.IsUp);
    }

    [Fact]
    public void Functions_with_link_reach_each_other_without_a_cable_and_nobody_else()
    {
        RdmaPort zero = Open(0);
        RdmaPort one = Open(1);
        Physical.SetCarrier(false);
        Set(0, vf => vf with { LinkState = VportLinkState.Enable });
        Set(1, vf => vf with { LinkState = VportLinkState.Enable });
        _cable.Run();
        Assert.Equal([1], Send(zero, Frame(zero, one.MacAddress), one));
        Assert.Equal([0], Send(zero, Frame(zero, _far.MacAddress), _far));
        Assert.Equal(1UL, Physical.SwitchCounters![SwitchCounter.UplinkDown]);
        Physical.SetCarrier(true);
    }

    [Fact]
    public void A_function_that_has_failed_holds_nobody_up()
    {
        RdmaPort zero = Open(0);
        ((INicUnit)Function(1)).Fail(new InvalidOperationException("made up"));
        for (int i = 0; i < 20; i++)
        {
            _cable.Send(_far, [.. Enumerable.Repeat(Frame(_far, MacAddress.Broadcast, length: 1400), 200)]);
            Assert.Equal(200, _cable.Receive(zero).Count);
        }

        Assert.Equal([1], Send(zero, Frame(zero, _far.MacAddress), _far));
        Assert.Equal(0UL, Physical.SwitchCounters![SwitchCounter.VportFull]);
    }

    [Fact]
    public void Virtual_functions_outlive_the_physical_ones_failure()
    {
        RdmaPort zero = Open(0);
        ((INicUnit)Physical).Fail(new InvalidOperationException("made up"));
        Assert.Equal([1], Send(_far, Frame(_far, zero.MacAddress), zero));
        Assert.Equal([1], Send(zero, Frame(zero, _far.MacAddress), _far));
    }

    [Fact]
    public void What_a_function_does_not_take_is_dropped_and_counted_and_the_others_go_on()
    {
        RdmaPort zero = Open(0);
        MacAddress one = Function(1).MacAddress;
        for (int i = 0; i < 20; i++)
        {
            SendPast(Function(1), Frame(_far, one, length: 1400), times: 200);
        }

        Assert.NotEqual(0UL, Physical.SwitchCounters![SwitchCounter.VportFull]);
        SendPast(Function(1), Frame(_far, zero.MacAddress), times: 1);
        Assert.Single(_cable.Receive(zero));
        _cable.Run();
    }

    /// <summary>The far port sends, while one of the NICs does not get to work.</summary>
    private void SendPast(NicDevice stalled, byte[] frame, int times)
    {
        var buffers = new BufferIndex[times];
        Assert.Equal(times, _cable.Pool.Take(buffers));
        Array.ForEach(buffers, buffer => _cable.Pool.SetChain(buffer, frame));
        Assert.Equal(times, _far.TxQueues[0].Send(buffers));
        for (int i = 0; i < 20; i++)
        {
            foreach (NicDevice nic in _cable.Nics.Devices.Values.Where(nic => nic != stalled))
            {
                nic.Step();
            }
        }

        _far.TxQueues[0].Reclaim();
    }

    [Fact]
    public void What_comes_for_the_physical_function_is_not_taken_before_its_own_pass()
    {
        RdmaPort physical = _cable.Open(_cable.NearName);
        var buffers = new BufferIndex[1];
        Assert.Equal(1, _cable.Pool.Take(buffers));
        _cable.Pool.SetChain(buffers[0], Frame(_far, physical.MacAddress));
        Assert.Equal(1, _far.TxQueues[0].Send(buffers));
        _cable.Nics.Devices[_cable.FarName].Step();
        Function(0).Step();
        Assert.Equal(0UL, Physical.SwitchCounters![SwitchCounter.UplinkReceived]);
        Assert.True(Physical.Step());
        Assert.Single(_cable.Receive(physical));
        _far.TxQueues[0].Reclaim();
    }

    [Fact]
    public void A_function_sends_no_faster_than_its_rate()
    {
        RdmaPort zero = Open(0);
        Set(0, vf => vf with { MaxTxRate = 100 });
        byte[] frame = Frame(zero, _far.MacAddress, length: 1250); // 0.1 ms each
        _cable.Send(zero, [.. Enumerable.Repeat(frame, 200)]);
        int first = _cable.Receive(_far).Count;
        Assert.InRange(first, 1, 64);
        _time.Advance(TimeSpan.FromMilliseconds(first / 10d));
        _cable.Run();
        int second = _cable.Receive(_far).Count;
        Assert.InRange(second, 1, 64);
        while (first + second < 200)
        {
            _time.Advance(TimeSpan.FromMilliseconds(7));
            _cable.Run();
            second += _cable.Receive(_far).Count;
        }

        Assert.Equal(200, first + second);
        zero.TxQueues[0].Reclaim();
    }
}
