using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>State, Ethernet address, MTU and counters of interfaces (vnet/interface_cli.c).</summary>
internal static class InterfaceCommands
{
    private const int CounterColumn = 68;

    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface state", "<interface> up|down", "Sets an interface up or down", words =>
        {
            Interface target = words.Interface(router);
            bool up = words.Keyword("up", "down") == "up";
            return _ => router.Interfaces.SetAdminUp(target, up);
        });
        table.Add("set interface mtu", "[packet] <bytes> <interface>", "Sets the longest IPv4 packet that an interface sends", words =>
        {
            words.TryKeyword("packet");
            int bytes = words.Number("bytes", Interface.MinMtu, ushort.MaxValue);
            Interface target = words.Interface(router);
            return _ => router.Interfaces.SetMtu(target, bytes);
        });
        table.Add("show interface|interfaces", "[<interface>|<index>]...", "Lists interfaces with their counters", words =>
        {
            List<Interface> chosen = words.Interfaces(router);
            return session => session.Output.Write(Format(chosen));
        });
        table.Add("clear interfaces|interface", "", "Zeroes the counters of all interfaces", _ => _ => router.Interfaces.ClearCounters());
    }

    private static string Format(IEnumerable<Interface> interfaces)
    {
        var text = new StringWriter();
        text.WriteLine("Name".Centre(32) + "Idx".Centre(5) + "State".Centre(10) + "MTU (L3/IP4/IP6/MPLS)".Centre(21)
            + "Counter".Centre(16) + "Count".Centre(16));
        foreach (Interface item in interfaces)
        {
            string row = item.Name.PadRight(32) + ((uint)item.Index).Centre(5) + (item.IsAdminUp ? "up" : "down").Centre(10)
                + $"{((uint)item.Mtu).ToString(CultureInfo.InvariantCulture)}/0/0/0".Centre(21);
            string[] counters = [.. Counters(item.Counters)];
            text.WriteLine(row + (counters.Length > 0 ? counters[0] : ""));
            foreach (string counter in counters.Skip(1))
            {
                text.WriteLine(new string(' ', CounterColumn) + counter);
            }
        }

        return text.ToString();
    }

    /// <summary>Those that are not zero, in VPP's order.</summary>
    private static IEnumerable<string> Counters(InterfaceCounters counters) =>
        new (string Name, ulong Count)[]
        {
            ("rx packets", counters.RxPackets),
            ("rx bytes", counters.RxBytes),
            ("tx packets", counters.TxPackets),
            ("tx bytes", counters.TxBytes),
            ("drops", counters.Drops),
            ("ip4", counters.Ip4),
            ("rx-no-buf", counters.RxNoBuffer),
            ("rx-error", counters.RxErrors),
            ("tx-error", counters.TxErrors),
        }
        .Where(counter => counter.Count != 0)
        .Select(counter => counter.Name.PadRight(16) + Layout.Whole(counter.Count).PadLeft(16));
}
