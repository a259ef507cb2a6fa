using System.Globalization;
using System.Runtime.InteropServices;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>The IPv4 forwarding table (vnet/ip/lookup.c, vnet/fib).</summary>
internal static class RouteCommands
{
    private const string TableName = "ipv4-VRF:0, fib_index:0";

    public static void AddTo(CommandTable table, Router router)
    {
        foreach (string path in (string[])["ip route add", "ip route"])
        {
            table.Add(path, "<address>/<length> via <next-hop> [<interface>]", "Adds or replaces a route", words =>
            {
                Ip4Prefix prefix = words.Ip4Prefix();
                words.Keyword("via");
                (Ip4Address nextHop, Interface? link) = ParsePath(words, router);
                return _ => router.Ip4.AddRoute(prefix, nextHop, link);
            });
        }

        table.Add("ip route del", "<address>/<length> [via <next-hop> [<interface>]]", "Deletes a route, if it is that one", words =>
        {
            Ip4Prefix prefix = words.Ip4Prefix();
            (Ip4Address? nextHop, Interface? link) = words.TryKeyword("via") ? ParsePath(words, router) : default((Ip4Address?, Interface?));
            return _ => router.Ip4.RemoveRoute(prefix, nextHop, link);
        });
        table.Add("show ip fib", "[summary|<address>[/<length>]]", "Lists the forwarding table, the numbers of its prefixes, or the entry that an address meets", words =>
        {
            if (words.TryKeyword("summary"))
            {
                return session => session.Output.Write(Summary(router.Ip4.FibEntries));
            }

            bool all = !words.TryValue("an IPv4 address", TryParsePrefix, out Ip4Prefix wanted);
            return session => session.Output.Write(Format(all ? router.Ip4.FibEntries : LongestMatch(router.Ip4.FibEntries, wanted)));
        });
    }

    private static (Ip4Address NextHop, Interface? Link) ParsePath(Words words, Router router)
    {
        Ip4Address nextHop = words.Ip4Address();
        return (nextHop, words.TryInterfaceOrIndex(router, out Interface? link) ? link : null);
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

    private static string Summary(IEnumerable<FibEntry> entries) =>
        TableName + "\n" + "Prefix length".Centre(20) + "Count".Centre(16) + "\n"
        + string.Concat(entries.CountBy(entry => entry.Prefix.Length).OrderBy(item => item.Key).Select(item =>
            string.Create(CultureInfo.InvariantCulture, $"{item.Key,20}{item.Value,16}\n")));

    private static string Format(IEnumerable<FibEntry> entries)
    {
        var text = new StringWriter();
        text.WriteLine(TableName);
        foreach (FibEntry entry in entries)
        {
            Adjacency adjacency = entry.Adjacency;
            text.WriteLine(entry.Prefix);
            text.WriteLine("  unicast-ip4-chain");
            text.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  [@0]: dpo-load-balance: [proto:ip4 index:{entry.AdjacencyIndex} buckets:1{(IsOwn(adjacency) ? $" to:{Counts(adjacency)}" : "")}]"));
            text.WriteLine("    [0] " + Describe(adjacency));
            text.Write(IsNeighbor(adjacency) ? $"        counts:{Counts(adjacency)}\n" : "");
            text.Write(entry.UnresolvedNextHop is { } nextHop ? $"        unresolved: via {nextHop}\n" : "");
        }

        return text.ToString();
    }

    /// <summary>Packets are counted for adjacencies: whether no other prefix has this one, so that they are this prefix's.</summary>
    private static bool IsOwn(Adjacency adjacency) =>
        adjacency.Kind is AdjacencyKind.Receive or AdjacencyKind.Glean or AdjacencyKind.Unreachable;

    private static bool IsNeighbor(Adjacency adjacency) => adjacency.Kind is AdjacencyKind.Incomplete or AdjacencyKind.Rewrite;

    private static string Counts(Adjacency adjacency) => string.Create(CultureInfo.InvariantCulture, $"[{adjacency.Packets}:{adjacency.Bytes}]");

    /// <summary>An adjacency as VPP's <c>format_dpo</c> prints it, with the slot that VPP's node has for it.</summary>
    private static string Describe(Adjacency adjacency) => adjacency.Kind switch
    {
        AdjacencyKind.Drop or AdjacencyKind.Unreachable or AdjacencyKind.Unresolved => "[@0]: dpo-drop ip4",
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
