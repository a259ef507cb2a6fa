using System.Globalization;
using Verbena.Dataplane.L2;

namespace Verbena.Dataplane.Cli;

/// <summary>Bridge domains, their members and their addresses as VPP prints them (vnet/l2/l2_bd.c, vnet/l2/l2_fib.c).</summary>
internal static class BridgeDomainLayout
{
    private static readonly int[] s_domainColumns = [8, 7, 4, 9, 9, 9, 11, 9, 9, 9, 8, 8, 11];
    private static readonly int[] s_memberColumns = [30, 7, 5, 5, 5, 9, 30];
    private static readonly int[] s_addressColumns = [19, 7, 7, 8, 9, 7, 7, 5, 30];

    public static string Format(IReadOnlyList<BridgeDomain> domains) => domains.Count == 0
        ? "no bridge-domains in use\n"
        : Row(s_domainColumns, " ", "BD-ID", "Index", "BSN", "Age(min)", "Learning", "U-Forwrd", "UU-Flood", "Flooding", "ARP-Term",
            "arp-ufwd", "Learn-count", "Learn-limit", "BVI-Intf") + string.Concat(domains.Select(Format));

    public static string FormatMembers(BridgeDomain domain) =>
        Row(s_memberColumns, "", "Interface", "If-idx", "ISN", "SHG", "BVI", "TxFlood", "VLAN-Tag-Rewrite")
        + string.Concat(domain.Members.ToArray().Select(member => Row(s_memberColumns, "",
            member.Interface.Name, Text(member.Interface.Index), "0", Text(member.SplitHorizonGroup), Star(member.IsBvi),
            Star(!member.IsUuForward), member.Interface.TagRewrite?.Name ?? "none")));

    public static string Format(IReadOnlyList<L2FibEntry> entries) => entries.Count == 0
        ? ""
        : Row(s_addressColumns, "", "Mac-Address", "BD-Idx", "If-Idx", "BSN-ISN", "Age(min)", "static", "filter", "bvi", "Interface-Name")
            + string.Concat(entries.Select(Format));

    private static string Format(BridgeDomain domain) => Row(s_domainColumns, " ",
        Text(domain.Id), Text(domain.Index), Text(domain.FlushCount),
        domain.MacAgeMinutes == 0 ? "off" : Text(domain.MacAgeMinutes),
        OnOff(domain.Learns), OnOff(domain.Forwards),
        domain.UnknownForward?.Name ?? (domain.FloodsUnknown ? "flood" : "drop"),
        OnOff(domain.Floods), "off", "off",
        Text(domain.LearnCount), Text(domain.LearnLimit), domain.Bvi?.Name ?? "N/A");

    private static string Format(L2FibEntry entry) => Row(s_addressColumns, "",
        entry.Address.ToString(), Text(entry.Domain.Index), entry.Interface is { } member ? Text(member.Index) : "-1",
        $"{Text(entry.Domain.FlushCount)}/0",
        entry.IsProvisioned ? "no" : entry.Domain.MacAgeMinutes == 0 ? "-" : Text((int)entry.AgeMinutes),
        Star(entry.IsStatic), Star(entry.Interface is null), Star(entry.IsBvi), entry.Interface?.Name ?? "-");

    private static string Row(int[] widths, string between, params IEnumerable<string> cells) =>
        string.Join(between, cells.Zip(widths, (cell, width) => cell.Centre(width))) + "\n";

    private static string OnOff(bool on) => on ? "on" : "off";

    private static string Star(bool yes) => yes ? "*" : "-";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
