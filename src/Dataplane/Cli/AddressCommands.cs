using System.Globalization;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>IPv4 addresses of interfaces (vnet/ip/ip46_cli.c).</summary>
internal static class AddressCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface ip address", "[del] <interface> <address>/<length>|all",
            "Gives an interface an address, or takes one or all away", words =>
        {
            bool delete = words.TryKeyword("del");
            Interface target = words.Interface(router);
            if (delete && words.TryKeyword("all"))
            {
                return _ => RemoveAll(router, target);
            }

            Ip4Prefix address = words.Ip4Prefix();
            return _ =>
            {
                if (delete)
                {
                    router.Ip4.RemoveAddress(target, address);
                }
                else
                {
                    router.Ip4.AddAddress(target, address);
                }
            };
        });
        table.Add("show interface|interfaces address", "[<interface>|<index>]...", "Lists the addresses of interfaces", words =>
        {
            List<Interface> chosen = words.Interfaces(router);
            return session => session.Output.Write(string.Concat(chosen.Select(Format)));
        });
    }

    private static void RemoveAll(Router router, Interface target)
    {
        foreach (Ip4Prefix address in target.Addresses.ToArray())
        {
            router.Ip4.RemoveAddress(target, address);
        }
    }

    private static string Format(Interface item) =>
        $"{item.Name} ({(item.IsAdminUp ? "up" : "dn")}):\n" + FormatL2(item) + string.Concat(item.Addresses.Select(address => $"  L3 {address}\n"));

    private static string FormatL2(Interface item) => item.L2 switch
    {
        { Domain: { } domain } port => string.Create(CultureInfo.InvariantCulture,
            $"  L2 bridge bd-id {domain.Id} idx {domain.Index} shg {port.SplitHorizonGroup} {(port.IsBvi ? "bvi" : " ")}\n"),
        { } port => $"  L2 xconnect {port.Peer?.Name ?? "(deleted)"}\n",
        null => "",
    };
}
