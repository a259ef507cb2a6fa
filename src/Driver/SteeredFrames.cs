using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>Which frames the NIC steers to a port.</summary>
public sealed record SteeredFrames
{
    /// <summary>False: none, whatever else is asked for.</summary>
    public bool IsAdminUp { get; init; }

    /// <summary>Those to the port's own address.</summary>
    public required MacAddress Address { get; init; }

    /// <summary>Those to more addresses.</summary>
    public IReadOnlyList<MacAddress> SecondaryAddresses { get; init; } = [];

    /// <summary>Those to all groups; without it, of groups only broadcast.</summary>
    public bool IsAllMulticast { get; init; } = true;

    /// <summary>Unicast frames to others, too, as far as nobody else on the port takes them.</summary>
    public bool IsPromiscuous { get; init; }

    /// <summary>Says it in words, for people.</summary>
    public override string ToString() => !IsAdminUp ? "nothing" : string.Join(", ",
    [
        $"frames to {Address}",
        .. SecondaryAddresses.Select(address => address.ToString()),
        IsAllMulticast ? "copies of broadcast and multicast" : "copies of broadcast",
        .. IsPromiscuous ? ["copies of unicast that nobody else takes"] : Array.Empty<string>(),
    ]);

    internal IEnumerable<FrameFilter> Filters()
    {
        MacAddress[] addresses = [Address, .. SecondaryAddresses, MacAddress.Broadcast];
        return !IsAdminUp ? [] :
        [
            .. addresses.Where(address => !address.IsMulticast).Select(FrameFilter.To),
            .. IsAllMulticast ? [FrameFilter.AllGroups] : addresses.Where(address => address.IsMulticast).Select(FrameFilter.Group),
            .. IsPromiscuous ? [FrameFilter.UnclaimedUnicast] : Array.Empty<FrameFilter>(),
        ];
    }
}
