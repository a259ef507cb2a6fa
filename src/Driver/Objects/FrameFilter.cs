using Verbena.Packets;

namespace Verbena.Driver.Objects;

/// <summary>Frames by their destination, as the NIC tells them apart.</summary>
/// <param name="Value">What the bits of the destination under <paramref name="Mask"/> must be.</param>
/// <param name="Mask">The bits that are looked at.</param>
/// <param name="Priority">Filters of a lower number come first.</param>
/// <param name="Tag">What the NIC tells of the frames, where it is asked to.</param>
/// <param name="IsCopied">The frame goes on to filters behind this one, and to Linux; otherwise it stops here.</param>
internal readonly record struct FrameFilter(MacAddress Value, MacAddress Mask, ushort Priority, SteeringTag Tag, bool IsCopied)
{
    private static readonly MacAddress s_groupBit = new(0x0100_0000_0000);
    private static readonly MacAddress s_all = new(0xFFFF_FFFF_FFFF);

    /// <summary>Copies of what is sent to group addresses, broadcast among them; others, Linux among them, receive it too.</summary>
    public static FrameFilter AllGroups { get; } = new(s_groupBit, s_groupBit, Priority: 0, SteeringTag.Groups, IsCopied: true);

    /// <summary>
    /// Copies of unicast frames that nobody on the port has a filter of their own for. Linux still receives those to its address,
    /// where a filter that takes them (VPP's, with an empty mask) would cut it off.
    /// </summary>
    public static FrameFilter UnclaimedUnicast { get; } = new(default, s_groupBit, Priority: 1, SteeringTag.Promiscuous, IsCopied: true);

    /// <summary>Takes the frames to a unicast address.</summary>
    public static FrameFilter To(MacAddress address) => new(address, s_all, Priority: 0, SteeringTag.Address, IsCopied: false);

    /// <summary>
    /// Copies of what is sent to one group. Not at the priority of <see cref="AllGroups"/>, which others on the port may have: of the
    /// filters that match a frame there, the NIC looks only at the first.
    /// </summary>
    public static FrameFilter Group(MacAddress address) => new(address, s_all, Priority: 1, SteeringTag.Groups, IsCopied: true);
}
