using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Matches that tests use often.</summary>
internal static class Flows
{
    /// <summary>A destination address; with an EtherType, only frames of that type.</summary>
    public static FlowMatch Ethernet(string mac, string mask = "ff:ff:ff:ff:ff:ff", ushort type = 0) => FlowMatch.Of(new EthernetSpec
    {
        Destination = MacAddress.Parse(mac),
        DestinationMask = MacAddress.Parse(mask),
        EtherType = type,
        EtherTypeMask = type == 0 ? (ushort)0 : (ushort)0xFFFF,
    });
}
