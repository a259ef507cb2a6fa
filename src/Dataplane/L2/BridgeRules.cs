using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>Which interfaces and addresses can take part in bridging. What can't is refused with a <see cref="RouterException"/>.</summary>
internal static class BridgeRules
{
    public static void CheckMember(Interface target, BridgeDomain domain, BridgeRole role)
    {
        if (role != BridgeRole.Bvi)
        {
            CheckPort(target);
        }
        else if (!target.IsVirtual)
        {
            throw new RouterException($"{target} can't be a bvi interface: only loopback and bvi interfaces can");
        }
        else if (domain.Bvi is { } bvi && bvi != target)
        {
            throw new RouterException($"bridge domain {domain.Id} already has a bvi interface: {bvi}");
        }

        if (role == BridgeRole.UuForward && domain.UnknownForward is { } other && other != target)
        {
            throw new RouterException($"bridge domain {domain.Id} already has a uu-fwd interface: {other}");
        }
    }

    public static void CheckCrossConnect(Interface target, Interface peer)
    {
        CheckPort(target);
        CheckPort(peer);
        if (target == peer)
        {
            throw new RouterException($"{target} can't be cross-connected to itself");
        }
    }

    /// <summary>Frames come in from a wire.</summary>
    public static void CheckPort(Interface target)
    {
        if (target.Main.Port is null)
        {
            throw new RouterException(target.IsVirtual
                ? $"{target} has no port: it can only be the bvi of a bridge domain"
                : $"bridged interface must be ethernet, and {target} is not");
        }
    }

    public static void CheckAddress(BridgeDomain domain, MacAddress address)
    {
        AddressRules.CheckUnicast(address);
        if (domain.Bvi?.MacAddress == address)
        {
            throw new RouterException($"{address} is the address of {domain.Bvi}, the bvi of bridge domain {domain.Id}");
        }
    }
}
