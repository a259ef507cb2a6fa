using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The port as Linux sees it. What Linux sends is received here, what is sent here Linux receives.</summary>
/// <remarks><see cref="Wire.HasCarrier"/> says whether Linux has the interface up.</remarks>
public abstract class HostNetdev : Wire
{
    public abstract MacAddress MacAddress { get; }

    /// <summary>True if Linux has set the interface promiscuous.</summary>
    public virtual bool IsPromiscuous => false;

    /// <summary>In bytes of network packet; Linux may change it at any time.</summary>
    public abstract int Mtu { get; }

    /// <summary>Gives the interface another address, as a function's driver does that hears of a new one when it starts.</summary>
    /// <exception cref="InvalidOperationException">Linux refuses; the message says why.</exception>
    public abstract void SetMacAddress(MacAddress address);
}
