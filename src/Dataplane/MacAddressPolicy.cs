using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>Which Ethernet addresses interfaces may take: the NIC itself gives a program whichever it asks for, Linux's own included.</summary>
/// <param name="allowed">What whoever started the program allows; empty: any.</param>
public sealed class MacAddressPolicy(params IReadOnlyList<MacAddressRange> allowed)
{
    private const int Attempts = 1000;

    /// <summary>What it allows, as it was given.</summary>
    private string Allowed => string.Join(", ", allowed);

    /// <summary>Refuses an address that an interface may not have.</summary>
    /// <param name="address">What somebody asks for.</param>
    /// <param name="target">Whose it is to be.</param>
    /// <param name="interfaces">All there are, of which some may share the target's port.</param>
    /// <param name="force">Lets Linux's own address, group addresses and those of other interfaces pass; not those beyond what is allowed.</param>
    /// <exception cref="RouterException">It may not; the message says why.</exception>
    public void Check(MacAddress address, Interface target, ReadOnlySpan<Interface?> interfaces, bool force)
    {
        ArgumentNullException.ThrowIfNull(target);
        string? wrong =
            address.IsZero ? "it is no address"
            : !IsAllowed(address) ? $"only these may be used, says --allow-mac: {Allowed}"
            : !force && address.IsMulticast ? "it is a group's, from which nothing may be sent; to take it all the same, add force"
            : !force && address == target.Port?.HostMacAddress ? "it is Linux's own on this port, which would receive nothing any more; to take it all the same, add force"
            : !force && OtherWith(address, target, interfaces) is { } other ? $"{other} on the same port has it, and each frame would come to both; to take it all the same, add force"
            : null;
        if (wrong is not null)
        {
            throw new RouterException($"{target} can't have {address}: {wrong}");
        }
    }

    /// <summary>An address for a new port: a locally administered one or, where only some are allowed, one of these that is free.</summary>
    /// <exception cref="RouterException">None was found that is free.</exception>
    public MacAddress Choose(Random random, IReadOnlyCollection<MacAddress> taken)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (allowed.Count == 0)
        {
            return MacAddress.RandomLocal(random);
        }

        return Enumerable.Range(0, Attempts)
            .Select(i => allowed[i % allowed.Count].Random(random))
            .Where(address => !address.IsMulticast && !address.IsZero && !taken.Contains(address))
            .Cast<MacAddress?>()
            .FirstOrDefault() ?? throw new RouterException($"no MAC address is free of those that --allow-mac allows: {Allowed}");
    }

    /// <summary>
    /// The address that an interface without a port usually has or, where it is not allowed, one that is and is free: the same one
    /// each time that the same are taken.
    /// </summary>
    /// <exception cref="RouterException">None was found that is free.</exception>
    public MacAddress Choose(MacAddress usual, IReadOnlyCollection<MacAddress> taken) =>
        IsAllowed(usual) ? usual : Choose(new Random((int)usual.Bits), taken);

    private static Interface? OtherWith(MacAddress address, Interface target, ReadOnlySpan<Interface?> interfaces)
    {
        foreach (Interface? other in interfaces)
        {
            if (other?.Port is { } port && other != target && port.NicPort == target.Port?.NicPort && other.HasMac(address.Bits))
            {
                return other;
            }
        }

        return null;
    }

    private bool IsAllowed(MacAddress address) => allowed.Count == 0 || allowed.Any(range => range.Contains(address));
}
