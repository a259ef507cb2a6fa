using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Neighbors on the links (vnet/ip-neighbor/ip_neighbor.c).</summary>
internal static class NeighborCommands
{
    public static void AddTo(CommandTable table, Router router, Func<long> now)
    {
        foreach (string path in (string[])["ip neighbor", "set ip neighbor"])
        {
            table.Add(path, "[del] <interface> <address> [<mac>] [static]", "Sets or deletes a neighbor's Ethernet address",
                words => ParseNeighbor(words, router));
        }

        table.Add("ip neighbor flush", "[<interface>]", "Forgets neighbors, learned and static ones", words =>
        {
            Interface? link = words.TryInterfaceOrIndex(router, out Interface? chosen) ? chosen : null;
            return _ => router.Ip4.FlushNeighbors(link);
        });
        table.Add("show ip neighbors|neighbor", "[<interface>]", "Lists neighbors", words =>
        {
            Interface? link = words.TryInterfaceOrIndex(router, out Interface? chosen) ? chosen : null;
            return session => session.Output.Write(Format(router.Ip4.Neighbors.Where(item => link is null || item.Interface == link), now()));
        });
    }

    private static Action<CliSession> ParseNeighbor(Words words, Router router)
    {
        bool delete = words.TryKeyword("del", "delete");
        Interface link = words.Interface(router);
        Ip4Address address = words.Ip4Address();
        if (delete)
        {
            words.TryValue<MacAddress>("a MAC address", MacAddress.TryParse, out _); // VPP's scripts name it
            return _ => router.Ip4.RemoveNeighbor(link, address);
        }

        MacAddress macAddress = words.MacAddress();
        words.TryKeyword("static"); // neighbors set by hand are, always
        return _ => router.Ip4.AddNeighbor(link, address, macAddress);
    }

    private static string Format(IEnumerable<Neighbor> neighbors, long now)
    {
        string rows = string.Concat(neighbors.Select(item =>
            Layout.Fixed((now - item.UpdatedAt) / 1e9, 4).Centre(12)
            + item.Address.ToString().Centre(40)
            + (item.IsStatic ? "S" : "D").Centre(6)
            + item.MacAddress.ToString().Centre(20)
            + item.Interface.Name + "\n"));
        return rows.Length == 0
            ? ""
            : "Age".Centre(12) + "IP".Centre(40) + "Flags".Centre(6) + "Ethernet".Centre(20) + "Interface".Centre(24) + "\n" + rows;
    }
}
