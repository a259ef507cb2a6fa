using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Which addresses an interface can be given, and a station can have.</summary>
internal static class AddressRules
{
    /// <exception cref="RouterException">It can't have this one, and why.</exception>
    public static void Check(Interface target, Ip4Prefix address, ReadOnlySpan<Interface?> interfaces)
    {
        if (target.Index == 0)
        {
            throw new RouterException($"{target} interface doesn't support IP addressing");
        }

        if (target.Match is { CanRoute: false })
        {
            throw new RouterException($"sub-interface without exact-match doesn't support IP addressing: {target}");
        }

        if (!IsHostAddress(address))
        {
            throw new RouterException($"{address} is not the address of a host with its prefix length");
        }

        foreach (Interface? other in interfaces)
        {
            foreach (Ip4Prefix taken in other?.Addresses.Where(taken => Conflicts(address, taken, other == target)) ?? [])
            {
                throw new RouterException($"failed to add {address} on {target} which conflicts with {taken} for interface {other}");
            }
        }
    }

    /// <exception cref="RouterException">It is no address that a station can have.</exception>
    public static void CheckUnicast(MacAddress address)
    {
        if (address.IsMulticast || address.IsZero)
        {
            throw new RouterException($"{address} is no unicast Ethernet address");
        }
    }

    /// <summary>Neither this network, loopback, multicast nor reserved (RFC 1122, 3.2.1.3); nor a network or its broadcast address.</summary>
    private static bool IsHostAddress(Ip4Prefix address)
    {
        uint net = address.Address.Value >> 24;
        return address.Length > 0 && net is not (0 or 127 or >= 224) && address.ContainsHost(address.Address);
    }

    /// <summary>One network has one link; on that, it may have several addresses.</summary>
    private static bool Conflicts(Ip4Prefix address, Ip4Prefix taken, bool sameInterface)
    {
        bool overlaps = address.Contains(taken.Address) || taken.Contains(address.Address);
        bool secondAddress = sameInterface && address.Length == taken.Length && address.Address != taken.Address;
        return overlaps && !secondAddress;
    }
}
