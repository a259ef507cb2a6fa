using System.Diagnostics.CodeAnalysis;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Which frames the ports of interfaces receive besides those to the interfaces' own Ethernet addresses.</summary>
/// <remarks>For the control thread. A port that refuses stays as it was.</remarks>
[SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "what is done to a router's interfaces is the router's, if it needs more than them or not")]
public sealed class Reception
{
    private readonly ForwardingTables _tables;
    private readonly MacAddressPolicy _macAddresses;

    internal Reception(ForwardingTables tables, MacAddressPolicy macAddresses) => (_tables, _macAddresses) = (tables, macAddresses);

    /// <summary>Lets an interface receive for one more Ethernet address.</summary>
    /// <param name="target">Whose it is to be.</param>
    /// <param name="address">The address.</param>
    /// <param name="force">Even if it is Linux's, a group's, or another interface's on the same port.</param>
    /// <exception cref="RouterException">It has the address already, or may not have it.</exception>
    public void AddSecondaryMacAddress(Interface target, MacAddress address, bool force = false)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.SecondaryMacAddresses.Contains(address))
        {
            throw new RouterException($"{target} has the secondary address {address} already");
        }

        _macAddresses.Check(address, target, _tables.Interfaces, force);
        SetSecondaryMacAddresses(target, [.. target.SecondaryMacAddresses, address]);
    }

    /// <exception cref="RouterException">The interface has no such address.</exception>
    public void RemoveSecondaryMacAddress(Interface target, MacAddress address)
    {
        ArgumentNullException.ThrowIfNull(target);
        MacAddress[] left = [.. target.SecondaryMacAddresses.Where(other => other != address)];
        if (left.Length == target.SecondaryMacAddresses.Count)
        {
            throw new RouterException($"{target} has no secondary address {address}");
        }

        SetSecondaryMacAddresses(target, left);
    }

    /// <summary>Lets the interface's port receive frames to all groups, or only broadcast.</summary>
    public void SetAllMulticast(Interface target, bool on)
    {
        ArgumentNullException.ThrowIfNull(target);
        PortOf(target).SetAllMulticast(on);
    }

    /// <summary>
    /// Lets the interface's port receive unicast frames to others, or not any more. Routing drops such frames; they are for
    /// switching, and for looking at them.
    /// </summary>
    public void SetPromiscuous(Interface target, bool on)
    {
        ArgumentNullException.ThrowIfNull(target);
        PortOf(target).SetPromiscuous(on || target.WithSubInterfaces.Any(item => item.L2 is not null));
        target.IsPromiscuous = on;
    }

    /// <summary>Switching needs all frames of a port. What a person has asked for stays apart.</summary>
    internal void RequirePromiscuous(Interface target, bool needed) => target.Port?.SetPromiscuous(needed || target.IsPromiscuous);

    private static Port PortOf(Interface target) => target.Port ?? throw new RouterException($"{target} has no port of its own");

    private static void SetSecondaryMacAddresses(Interface target, IReadOnlyList<MacAddress> addresses)
    {
        PortOf(target).SetSecondaryMacAddresses(addresses);
        target.SecondaryMacAddresses = addresses;
    }
}
