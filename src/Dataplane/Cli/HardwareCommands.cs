using System.Globalization;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>What lies below the interfaces: link, queues, the NIC itself (vnet/interface_cli.c, plugins/rdma/format.c).</summary>
internal static class HardwareCommands
{
    public static void AddTo(CommandTable table, Router router) =>
        table.Add("show hardware-interfaces", "[brief|verbose|detail] [<interface>|<index>]...", "Lists ports with link, queues and NIC", words =>
        {
            bool brief = words.TryKeyword("brief");
            _ = brief || words.TryKeyword("verbose") || words.TryKeyword("detail");
            List<Interface> chosen = words.Interfaces(router);
            return session => session.Output.Write(Format(router, chosen, brief));
        });

    /// <summary>A rate as VPP prints it: <c>100 Gbps</c>, <c>2.5 Gbps</c>, <c>unknown</c>.</summary>
    internal static string Speed(ulong bitsPerSecond) => bitsPerSecond switch
    {
        0 => "unknown",
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bitsPerSecond / 1e9:0.#} Gbps"),
        >= 1_000_000 => Layout.Whole(bitsPerSecond / 1_000_000) + " Mbps",
        _ => Layout.Whole(bitsPerSecond / 1_000) + " Kbps",
    };

    private static string Format(Router router, IEnumerable<Interface> interfaces, bool brief)
    {
        var text = new StringWriter();
        text.WriteLine("Name".Centre(32) + "Idx".Centre(6) + "Link".Centre(8) + "Hardware");
        foreach (Interface item in interfaces.Where(item => item.Parent is null)) // sub-interfaces have no hardware
        {
            LinkState link = item.Port?.Link ?? default;
            text.WriteLine(item.Name.PadRight(32) + ((uint)item.Index).Centre(6) + (link.IsUp ? "up" : "down").Centre(8) + item.Name);
            text.WriteLine("  Link speed: " + Speed(link.SpeedBitsPerSecond));
            if (item.Port is { } port)
            {
                WriteQueues(text, port, router.RxQueues.Where(queue => queue.Interface == item));
                IEnumerable<string> details = [$"Ethernet address {port.MacAddress}", .. port.Describe()];
                text.Write(brief ? "" : string.Concat(details.Select(line => $"  {line}\n")));
            }
            else
            {
                text.WriteLine(item.IsVirtual ? $"  Loopback\n  Ethernet address {item.MacAddress}" : "  local");
            }
        }

        return text.ToString();
    }

    private static void WriteQueues(StringWriter text, Port port, IEnumerable<PlacedQueue> rxQueues)
    {
        text.WriteLine("  RX Queues:\n    queue thread         mode");
        foreach (PlacedQueue rx in rxQueues)
        {
            string thread = $"{rx.Worker.Name} ({ThreadCommands.Id(rx.Worker)})";
            text.WriteLine($"    {rx.Queue,-6}{thread,-15}{Layout.Word(rx.Mode),-10}");
        }

        text.WriteLine("  TX Queues:\n    queue shared thread(s)");
        for (int i = 0; i < port.TxQueues.Count; i++)
        {
            text.WriteLine($"    {i,-6}{"no",-7}{i + 1}");
        }
    }
}
