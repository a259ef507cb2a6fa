using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The port as Linux sees it. What Linux sends is received here, what is sent here Linux receives.</summary>
/// <remarks><see cref="Wire.HasCarrier"/> says whether Linux has the interface up.</remarks>
public abstract class HostNetdev : Wire
{
    public abstract MacAddress MacAddress { get; }

    /// <summary>In bytes of network packet; Linux may change it at any time.</summary>
    public abstract int Mtu { get; }
}
