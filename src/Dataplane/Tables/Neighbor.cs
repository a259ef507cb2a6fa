using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>A neighbor on a link: which Ethernet address an IPv4 address has.</summary>
/// <param name="Interface">The link.</param>
/// <param name="Address">The neighbor's IPv4 address.</param>
/// <param name="MacAddress">Its Ethernet address.</param>
/// <param name="IsStatic">Configured by a person: neither ages nor changes by ARP.</param>
/// <param name="UpdatedAt">When it was last confirmed, in nanoseconds of the worker's clock.</param>
public sealed record Neighbor(Interface Interface, Ip4Address Address, MacAddress MacAddress, bool IsStatic, long UpdatedAt);
