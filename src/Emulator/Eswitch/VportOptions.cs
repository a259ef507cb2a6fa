using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>The wire of a virtual function: a port of the switch that its physical function is on.</summary>
/// <param name="Switch">Null until there is one.</param>
/// <param name="Mac">The address that the function is given.</param>
internal sealed record VportOptions(EmbeddedSwitch? Switch, MacAddress Mac) : WireOptions
{
    internal override Wire Open(WireSite site) => Switch!.Add(site.Netdev, site.Counters, new VportSettings(Mac), site.Behaviour);
}
