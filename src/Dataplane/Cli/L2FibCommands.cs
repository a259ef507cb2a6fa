using System.Globalization;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>The Ethernet addresses of bridge domains (vnet/l2/l2_fib.c).</summary>
internal static class L2FibCommands
{
    public static void AddTo(CommandTable table, Router router, Func<long> now)
    {
        Bridging bridging = router.Bridging;
        table.Add("l2fib add", "<mac> <bridge-domain-id> filter|<interface> [static|bvi]",
            "Sets where an Ethernet address is, or that its frames are dropped", words =>
        {
            MacAddress address = words.MacAddress();
            BridgeDomain domain = words.Domain(bridging);
            if (words.TryKeyword("filter"))
            {
                return _ => bridging.AddFilter(domain, address);
            }

            Interface member = words.Interface(router);
            bool isStatic = words.TryKeyword("static") || words.TryKeyword("bvi"); // a BVI is known to be one
            return _ => bridging.AddAddress(domain, address, member, isStatic);
        });
        table.Add("l2fib del", "<mac> <bridge-domain-id>", "Removes an Ethernet address", words =>
        {
            MacAddress address = words.MacAddress();
            BridgeDomain domain = words.Domain(bridging);
            return _ => bridging.RemoveAddress(domain, address);
        });
        table.Add("l2fib flush-mac all", "", "Forgets all learned Ethernet addresses", _ => _ => FlushAll(bridging));
        table.Add("l2fib flush-mac interface", "<interface>", "Forgets the Ethernet addresses learned behind an interface", words =>
        {
            Interface member = words.Interface(router);
            return _ => bridging.Flush(member);
        });
        table.Add("l2fib flush-mac bridge-domain", "<id>", "Forgets the Ethernet addresses learned in a bridge domain", words =>
        {
            BridgeDomain domain = words.Domain(bridging);
            return _ => bridging.Flush(domain);
        });
        table.Add("clear l2fib", "", "Forgets all learned Ethernet addresses", _ => _ => FlushAll(bridging));
        table.Add("show l2fib", "[all|verbose] [bd_id <id>|bd_index <index>] [learn|add]", "Lists Ethernet addresses, or counts them", words =>
        {
            Func<L2FibEntry, bool>? filter = ParseFilter(words, bridging);
            return session => session.Output.Write(Format(bridging.ReadAddresses(now()), filter));
        });
    }

    private static void FlushAll(Bridging bridging)
    {
        foreach (BridgeDomain domain in bridging.Domains)
        {
            bridging.Flush(domain);
        }
    }

    /// <summary>Which addresses are wanted; null: only their number.</summary>
    private static Func<L2FibEntry, bool>? ParseFilter(Words words, Bridging bridging)
    {
        List<Func<L2FibEntry, bool>> conditions = [];
        while (ParseCondition(words, bridging) is { } condition)
        {
            conditions.Add(condition);
        }

        return conditions.Count == 0 ? null : entry => conditions.TrueForAll(condition => condition(entry));
    }

    private static Func<L2FibEntry, bool>? ParseCondition(Words words, Bridging bridging)
    {
        if (words.TryKeyword("all") || words.TryKeyword("verbose"))
        {
            return _ => true;
        }

        if (words.TryKeyword("bd_id"))
        {
            BridgeDomain domain = words.Domain(bridging);
            return entry => entry.Domain == domain;
        }

        if (words.TryKeyword("bd_index"))
        {
            int index = words.Number("an index", 1, ushort.MaxValue);
            return entry => entry.Domain.Index == index;
        }

        if (words.TryKeyword("learn"))
        {
            return entry => !entry.IsProvisioned;
        }

        return words.TryKeyword("add") ? entry => entry.IsProvisioned : null;
    }

    private static string Format(IReadOnlyList<L2FibEntry> entries, Func<L2FibEntry, bool>? filter)
    {
        if (entries.Count == 0)
        {
            return "no l2fib entries\n";
        }

        string rows = filter is null ? "" : BridgeDomainLayout.Format([.. entries.Where(filter)]);
        return rows + string.Create(CultureInfo.InvariantCulture,
            $"L2FIB total/learned entries: {entries.Count}/{entries.Count(entry => !entry.IsProvisioned)}\n");
    }
}
