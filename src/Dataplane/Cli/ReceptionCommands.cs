using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Which frames interfaces receive: their Ethernet addresses, groups, promiscuity (vnet/interface_cli.c).</summary>
internal static class ReceptionCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface mac address", "<interface> <mac> [force]", "Changes an interface's Ethernet address", words =>
        {
            Interface target = words.Interface(router);
            MacAddress address = words.MacAddress();
            bool force = words.TryKeyword("force");
            return _ => router.Interfaces.SetMacAddress(target, address, force);
        });
        table.Add("set interface secondary-mac-address", "<interface> <mac> add|del [force]",
            "Lets an interface receive for one more Ethernet address, or not any more", words =>
        {
            Interface target = words.Interface(router);
            MacAddress address = words.MacAddress();
            if (words.Keyword("add", "del") == "del")
            {
                return _ => router.Reception.RemoveSecondaryMacAddress(target, address);
            }

            bool force = words.TryKeyword("force");
            return _ => router.Reception.AddSecondaryMacAddress(target, address, force);
        });
        table.Add("show interface|interfaces secondary-mac-address", "[<interface>|<index>]...", "Lists interfaces' secondary Ethernet addresses", words =>
        {
            List<Interface> chosen = words.Interfaces(router);
            return session => chosen.ForEach(item => WriteSecondary(session.Output, item));
        });
        table.Add("set interface promiscuous", "on|off <interface>", "Lets an interface receive unicast frames to others, or not any more",
            words => OnOff(words, router, router.Reception.SetPromiscuous));
        table.Add("set interface all-multicast", "on|off <interface>", "Lets an interface receive frames to all groups, as it does at first, or only broadcast",
            words => OnOff(words, router, router.Reception.SetAllMulticast));
    }

    private static Action<CliSession> OnOff(Words words, Router router, Action<Interface, bool> set)
    {
        bool on = words.Keyword("on", "off") == "on";
        Interface target = words.Interface(router);
        return _ => set(target, on);
    }

    private static void WriteSecondary(TextWriter output, Interface item)
    {
        output.WriteLine($"{item} ({(item.IsAdminUp ? "up" : "dn")}):");
        foreach (MacAddress address in item.SecondaryMacAddresses)
        {
            output.WriteLine($"  {address}");
        }
    }
}
