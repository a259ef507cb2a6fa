using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Stands for the netdev of a port that Linux does not see, where the user may not make one.</summary>
internal sealed class AbsentNetdev(NicOptions options) : HostNetdev
{
    private MacAddress _macAddress = options.Address;

    public override MacAddress MacAddress => _macAddress;

    public override int Mtu => options.Mtu;

    public override bool HasCarrier => false;

    public override bool HasToLook => false;

    public override void SetMacAddress(MacAddress address) => _macAddress = address;

    public override void Receive(FrameBatch frames)
    {
    }

    public override int Send(FrameBatch frames) => 0;
}
