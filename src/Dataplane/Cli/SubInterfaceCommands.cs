using System.Globalization;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Sub-interfaces by VLAN tag (vnet/ethernet/interface.c), and interfaces without a port (vnet/ethernet/interface.c, vnet/l2/l2_bvi.c).</summary>
internal static class SubInterfaceCommands
{
    private const int MaxId = int.MaxValue;
    private const int MaxInstance = 16383;
    private const ulong FirstLoopbackAddress = 0xDEAD_0000_0000;
    private const ulong FirstBviAddress = 0xB0B0_0000_0000;

    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("create sub-interfaces",
            "<interface> <id>[-<max>] [default|untagged|dot1q|dot1ad <vlan>|any [inner-dot1q <vlan>|any] [exact-match]]",
            "Makes interfaces of the frames with certain VLAN tags", words => ParseCreate(words, router));
        table.Add("delete sub-interface", "<interface>", "Deletes a sub-interface", words =>
        {
            Interface target = words.Interface(router);
            return _ => router.Interfaces.Remove(target.Parent is not null ? target : throw new CommandException($"{target} is no sub-interface"));
        });
        AddVirtual(table, router, "loop", FirstLoopbackAddress, ["create loopback interface", "loopback create-interface"],
            ["delete loopback interface intfc", "loopback delete-interface intfc"]);
        AddVirtual(table, router, "bvi", FirstBviAddress, ["bvi create"], ["bvi delete"]);
    }

    private static Action<CliSession> ParseCreate(Words words, Router router)
    {
        Interface parent = words.Interface(router);
        (int first, int last) = words.Value<(int First, int Last)>("an id or a range of ids such as 100-107", TryParseRange);
        if (first < last)
        {
            return session => Create(session, router, parent, first, last);
        }

        VlanMatch? match = ParseMatch(words);
        return match is null
            ? session => Create(session, router, parent, first, last)
            : session => session.Output.WriteLine(router.Interfaces.AddSub(parent, first, match));
    }

    private static VlanMatch? ParseMatch(Words words)
    {
        if (words.TryKeyword("default"))
        {
            return VlanMatch.Default;
        }

        if (words.TryKeyword("untagged"))
        {
            return VlanMatch.Untagged;
        }

        ushort type = words.TryKeyword("dot1ad") ? EtherType.ServiceVlan : EtherType.Vlan;
        if (type == EtherType.Vlan && !words.TryKeyword("dot1q"))
        {
            return words.AtEnd ? null : throw words.Unexpected();
        }

        int outer = words.Value<int>("a VLAN from 1 to 4094, or any", TryParseVlan, "any");
        if (outer == VlanMatch.Any || !words.TryKeyword("inner-dot1q"))
        {
            return VlanMatch.OneTag(type, outer, words.TryKeyword("exact-match"));
        }

        int inner = words.Value<int>("a VLAN from 1 to 4094, or any", TryParseVlan, "any");
        bool exact = words.TryKeyword("exact-match");
        return exact && inner == VlanMatch.Any
            ? throw new CommandException("inner-dot1q any exact-match is unsupported")
            : VlanMatch.TwoTags(type, outer, inner, exact);
    }

    /// <summary>
    /// One for each VLAN of a range, which has the VLAN's number; those that exist already are left as they are. None is made if
    /// another sub-interface has one of the VLANs.
    /// </summary>
    private static void Create(CliSession session, Router router, Interface parent, int first, int last)
    {
        if (first < 1 || last > VlanTag.MaxId)
        {
            throw new CommandException($"an id without dot1q is a VLAN's, from 1 to {VlanTag.MaxId}");
        }

        IEnumerable<Interface> added = first < last
            ? router.Interfaces.AddSubs(parent, first, last)
            : [router.Interfaces.AddSub(parent, first, VlanMatch.OneTag(EtherType.Vlan, first, exact: true))]; // refused if it exists
        session.Output.Write(string.Concat(added.Select(item => $"{item}\n")));
    }

    private static bool TryParseRange(string word, out (int First, int Last) range)
    {
        string[] parts = word.Split('-');
        bool first = int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out range.First);
        bool last = int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out range.Last);
        return parts.Length <= 2 && first && last && range.First <= range.Last && range.Last < MaxId;
    }

    private static bool TryParseVlan(string word, out int vlan)
    {
        bool any = string.Equals(word, "any", StringComparison.Ordinal);
        bool number = int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out vlan) && vlan is >= 1 and <= VlanTag.MaxId;
        vlan = any ? VlanMatch.Any : vlan;
        return any || number;
    }

    private static void AddVirtual(CommandTable table, Router router, string prefix, ulong firstAddress, string[] create, string[] delete)
    {
        foreach (string path in create)
        {
            table.Add(path, "[mac <mac>] [instance <n>]", "Makes an interface without a port, which can route for a bridge domain", words =>
            {
                MacAddress? address = words.TryKeyword("mac") ? words.MacAddress() : null;
                int? instance = words.TryKeyword("instance") ? words.Number("an instance", 0, MaxInstance) : null;
                return session =>
                {
                    int number = instance ?? FreeInstance(router, prefix);
                    string name = string.Create(CultureInfo.InvariantCulture, $"{prefix}{number}");
                    session.Output.WriteLine(address is { } given
                        ? router.Interfaces.AddVirtual(name, given)
                        : router.Interfaces.AddVirtualWithUsual(name, new MacAddress(firstAddress + (uint)number)));
                };
            });
        }

        foreach (string path in delete)
        {
            table.Add(path, "<interface>", "Deletes an interface without a port", words =>
            {
                Interface target = words.Interface(router);
                return _ => router.Interfaces.Remove(target.IsVirtual ? target : throw new CommandException($"{target} is no loopback or bvi interface"));
            });
        }
    }

    private static int FreeInstance(Router router, string prefix) => Enumerable.Range(0, MaxInstance + 1)
        .First(number => router.Interfaces.Find(string.Create(CultureInfo.InvariantCulture, $"{prefix}{number}")) is null);
}
