using System.Globalization;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>When a virtual function has link.</summary>
public enum VportLinkState
{
    /// <summary>While the physical port has.</summary>
    Auto,

    /// <summary>Always, so that functions reach each other without a cable.</summary>
    Enable,

    Disable,
}

/// <summary>What the host has set for a virtual function: <c>ip link set PF vf N …</c>. The defaults are those of mlx5.</summary>
/// <param name="Mac">The address that the function was given, which spoof checking demands of what it sends.</param>
public sealed record VportSettings(MacAddress Mac)
{
    /// <summary>The VLAN that the function is in without knowing (VLAN switch tagging); 0 with <see cref="Qos"/> 0: none.</summary>
    public ushort Vlan { get; init; }

    /// <summary>The priority in the tag.</summary>
    public byte Qos { get; init; }

    public bool SpoofCheck { get; init; }

    /// <summary>The function may be promiscuous.</summary>
    public bool IsTrusted { get; init; }

    public VportLinkState LinkState { get; init; }

    /// <summary>What the function may send, in Mb/s of frames without FCS; 0: as much as it can.</summary>
    public int MaxTxRate { get; init; }

    /// <summary>The switch puts tags on what the function sends, and takes them off what it receives.</summary>
    public bool HasTag => Vlan != 0 || Qos != 0;

    /// <summary>The tag's two bytes behind the EtherType: priority and VLAN (IEEE 802.1Q, 9.6).</summary>
    public ushort TagControl => (ushort)((Qos << 13) | Vlan);

    /// <summary>As <c>ip link show</c> says it.</summary>
    public override string ToString()
    {
        string vlan = HasTag ? $", vlan {Vlan}{(Qos == 0 ? "" : $", qos {Qos}")}" : "";
        string rate = MaxTxRate == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", max_tx_rate {MaxTxRate}Mbps");
        string state = LinkState switch { VportLinkState.Enable => "enable", VportLinkState.Disable => "disable", _ => "auto" };
        return $"MAC address {Mac}{vlan}, spoof checking {OnOff(SpoofCheck)}, trust {OnOff(IsTrusted)}, link-state {state}{rate}";
    }

    private static string OnOff(bool on) => on ? "on" : "off";
}
