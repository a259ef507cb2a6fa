using Verbena.Driver;
using Verbena.Packets;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>A NIC that is taken away while programs use it, here a virtual function by its host.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class GoneNicTests
{
    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void Nobody_waits_for_what_a_gone_NIC_was_given_to_send(RdmaMode mode)
    {
        using var cable = new CabledPorts(options => options with { Mode = mode }, virtualFunctions: 1);
        RdmaPort port = cable.Open($"{cable.NearName}v0");
        var packet = new BufferIndex[1];
        Assert.Equal(1, cable.Pool.Take(packet));
        cable.Pool.SetPacket(packet[0], CabledPorts.Frame(MacAddress.Broadcast));
        Assert.Equal(1, port.TxQueues[0].Send(packet));
        Assert.False(port.TxQueues[0].IsEmpty, "the NIC has not sent it yet");

        cable.Nics.SetFunctions(cable.Nics.Devices[cable.NearName], 0);
        port.ReadEvents();
        port.TxQueues[0].Reclaim();
        Assert.True(port.TxQueues[0].IsEmpty, "it never will");
    }
}
