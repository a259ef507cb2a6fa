using Verbena.Driver;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>What the driver says of a virtual function, which confines it: each sentence holds what is to be typed.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class VirtualFunctionSentenceTests : IDisposable
{
    private readonly CabledPorts _cable = new(virtualFunctions: 2);

    private NicDevice Function => _cable.Nics.FunctionsOf(_cable.Nics.Devices[_cable.NearName]).Last();

    private string Name => $"{_cable.NearName}v1";

    public void Dispose() => _cable.Dispose();

    [Fact]
    public void A_port_with_another_address_than_its_function_warns_until_it_has_that_address()
    {
        RdmaPort port = _cable.Open(Name);
        MacAddress own = Function.MacAddress;
        string warning = $"rdma-{Name} has the MAC address {port.MacAddress}, but virtual function 1 of {_cable.NearName} has {own}: "
            + "the NIC brings it no frames to another address, and drops what it sends from one while spoof checking is on; "
            + $"type 'set interface mac address rdma-{Name} {own}', or, to keep the address, on the host "
            + $"'ip link set dev {_cable.NearName} vf 1 spoof off trust on' and here 'set interface promiscuous on rdma-{Name}'";
        Assert.Equal(warning, port.Warning);
        Assert.Contains("warning " + warning, port.Describe(), StringComparer.Ordinal);

        port.SetMacAddress(own);
        Assert.Null(port.Warning);
    }

    [Fact]
    public void Promiscuity_without_trust_is_refused_with_the_command_for_the_host()
    {
        RdmaPort port = _cable.Open(Name);
        RdmaException refusal = Assert.Throws<RdmaException>(() => port.SetPromiscuous(true));
        Assert.Equal(
            $"rdma-{Name} can't be promiscuous, as L2 switching needs it: the NIC refuses that with EPERM to virtual function 1 of {_cable.NearName}, "
            + $"which is not trusted; type on the host 'ip link set dev {_cable.NearName} vf 1 spoof off trust on'", refusal.Message);

        _cable.Nics.SetFunction(Function, Function.Function! with { IsTrusted = true });
        port.SetPromiscuous(true);
        Assert.Null(port.Warning);
    }

    [Fact]
    public void A_port_that_was_promiscuous_and_has_lost_trust_comes_up_with_that_sentence_only()
    {
        RdmaPort port = _cable.Open(Name);
        port.SetAdminUp(false);
        port.SetPromiscuous(true);
        Assert.Contains("spoof off trust on", Assert.Throws<RdmaException>(() => port.SetAdminUp(true)).Message, StringComparison.Ordinal);
        port.SetPromiscuous(false);
        port.SetAdminUp(true);
    }

    [Fact]
    public void A_functions_own_address_is_nobody_elses()
    {
        RdmaPort physical = _cable.Open(_cable.NearName);
        Assert.Equal(_cable.Nics.Devices[_cable.NearName].MacAddress, physical.HostMacAddress);
        Assert.Null(physical.Warning);
        Assert.Null(_cable.Open(Name).HostMacAddress);
    }

    [Fact]
    public void Where_the_physical_function_is_not_to_be_seen_the_sentence_says_where_to_look()
    {
        var unseen = new HostVirtualFunction(null, null);
        Assert.Contains("'ip link set dev PF vf N spoof off trust on' (PF: the physical function's interface; N:", unseen.NotTrusted("rdma-0"), StringComparison.Ordinal);
    }
}
