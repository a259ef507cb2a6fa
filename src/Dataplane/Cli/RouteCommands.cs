using System.Globalization;
using System.Runtime.InteropServices;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>The IPv4 forwarding table (vnet/ip/lookup.c, vnet/fib).</summary>
internal static class RouteCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("ip route", "[add|del] <address>/<length> [via <next-hop>]", "Adds or deletes a route", words =>
        {
            bool delete = !words.TryKeyword("add") && words.TryKeyword("del");
            Ip4Prefix prefix = words.Ip4Prefix();
            if (delete)
            {
                return _ => router.RemoveRoute(prefix);
            }

            words.Keyword("via");
            Ip4Address nextHop = words.Ip4Address();
            return _ => router.AddRoute(prefix, nextHop);
        });
        table.Add("show ip fib", "[<address>[/<length>]]", "Lists the forwarding table, or the entry that an address meets", words =>
        {
            bool all = !words.TryValue("an IPv4 address", TryParsePrefix, out Ip4Prefix wanted);
            return session => session.Output.Write(Format(all ? router.FibEntries : LongestMatch(router.FibEntries, wanted)));
        });
    }

    private static bool TryParsePrefix(string word, out Ip4Prefix prefix)
    {
        bool isAddress = Ip4Address.TryParse(word, out Ip4Address address);
        prefix = new Ip4Prefix(address, 32);
        return isAddress || Ip4Prefix.TryParse(word, out prefix);
    }

    private static IEnumerable<FibEntry> LongestMatch(IEnumerable<FibEntry> entries, Ip4Prefix wanted) => entries
        .Where(entry => entry.Prefix.Length <= wanted.Length && entry.Prefix.Contains(wanted.Address))
        .OrderByDescending(entry => entry.Prefix.Length)
        .Take(1);

    private static string Format(IEnumerable<FibEntry> entries)
    {
        var text = new StringWriter();
        text.WriteLine("ipv4-VRF:0, fib_index:0");
        foreach (FibEntry entry in entries)
        {
            Adjacency adjacency = entry.Adjacency;
            text.WriteLine(entry.Prefix);
            text.WriteLine("  unicast-ip4-chain");
            text.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  [@0]: dpo-load-balance: [proto:ip4 index:{entry.AdjacencyIndex} buckets:1 to:[{adjacency.Packets}:{adjacency.Bytes}]]"));
            text.WriteLine("    [0] " + Describe(adjacency));
        }

        return text.ToString();
    }

    /// <summary>An adjacency as VPP's <c>format_dpo</c> prints it, with the slot that VPP's node has for it.</summary>
    private static string Describe(Adjacency adjacency) => adjacency.Kind switch
    {
        AdjacencyKind.Drop or AdjacencyKind.Unreachable => "[@0]: dpo-drop ip4",
        AdjacencyKind.Receive => $"[@2]: dpo-receive: {adjacency.NextHop} on {adjacency.Interface}",
        AdjacencyKind.Incomplete => $"[@3]: arp-ipv4: via {adjacency.NextHop} {adjacency.Interface}",
        AdjacencyKind.Glean => string.Create(CultureInfo.InvariantCulture,
            $"[@4]: ipv4-glean: [src:{adjacency.Source}] {adjacency.Interface}: mtu:{adjacency.Mtu} {Hex(adjacency.Rewrite)}"),
        _ => string.Create(CultureInfo.InvariantCulture,
            $"[@5]: ipv4 via {adjacency.NextHop} {adjacency.Interface}: mtu:{adjacency.Mtu} {Hex(adjacency.Rewrite)}"),
    };

    private static string Hex(EthernetHeader header) =>
        Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<EthernetHeader>(in header)));
}
