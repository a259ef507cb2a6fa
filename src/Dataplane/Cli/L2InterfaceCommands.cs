using System.Globalization;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Interfaces in L2 mode (vnet/l2/l2_input.c, vnet/l2/l2_vtr.c).</summary>
internal static class L2InterfaceCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface l2 bridge", "<interface> <bridge-domain-id> [bvi|uu-fwd] [<split-horizon-group>]",
            "Makes an interface a member of a bridge domain, which is made if there is none", words => ParseBridge(words, router));
        table.Add("set interface l2 xconnect", "<interface> <peer>", "Sends all frames of an interface out of another; give both directions", words =>
        {
            Interface target = words.Interface(router);
            Interface peer = words.Interface(router);
            return _ => router.Bridging.CrossConnect(target, peer);
        });
        table.Add("set interface l3", "<interface>", "Puts an interface back into L3 mode, so that it routes", words =>
        {
            Interface target = words.Interface(router);
            return _ => router.Bridging.Leave(target);
        });
        table.Add("set interface l2 tag-rewrite",
            "<interface> disable|pop 1|2|push dot1q|dot1ad <vlan> [<vlan>]|translate 1-1|1-2|2-1|2-2 dot1q|dot1ad <vlan> [<vlan>]",
            "Changes VLAN tags on input, and back on output", words =>
        {
            Interface target = words.Interface(router);
            Func<TagRewrite?> make = ParseRewrite(words, target);
            return _ => router.Bridging.SetTagRewrite(target, make());
        });
        AddSwitch(table, router, "learn", (target, on) => router.Bridging.SetMember(target, learns: on));
        AddSwitch(table, router, "forward", (target, on) => router.Bridging.SetMember(target, forwards: on));
        AddSwitch(table, router, "flood", (target, on) => router.Bridging.SetMember(target, floods: on));
        table.Add("show mode", "[<interface>|<index>]...", "Lists whether interfaces route or switch", words =>
        {
            List<Interface> chosen = words.Interfaces(router);
            return session => session.Output.Write(string.Concat(chosen.Select(item => FormatMode(item) + "\n")));
        });
    }

    private static Action<CliSession> ParseBridge(Words words, Router router)
    {
        Interface target = words.Interface(router);
        int id = words.Number("a bridge domain id", 1, BridgeDomain.MaxId);
        BridgeRole role = words.TryKeyword("bvi") ? BridgeRole.Bvi
            : words.TryKeyword("uu-fwd") ? BridgeRole.UuForward
            : BridgeRole.Normal;
        _ = words.TryValue<byte>("a split-horizon group from 0 to 255", TryParseGroup, out byte group);
        return _ => Join(router.Bridging, target, id, role, group);
    }

    private static bool TryParseGroup(string word, out byte group) =>
        byte.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out group);

    /// <summary>A domain that was made for a member that could not join goes again.</summary>
    private static void Join(Bridging bridging, Interface target, int id, BridgeRole role, int group)
    {
        BridgeDomain? known = bridging.Find(id);
        BridgeDomain domain = known ?? bridging.Create(id);
        try
        {
            bridging.Join(target, domain, role, group);
        }
        catch when (known is null)
        {
            bridging.Delete(domain);
            throw;
        }
    }

    private static Func<TagRewrite?> ParseRewrite(Words words, Interface target)
    {
        switch (words.Keyword("disable", "pop", "push", "translate"))
        {
            case "disable":
                return () => null;
            case "pop":
                int count = words.Number("how many tags,", 1, 2);
                return () => TagRewrite.Pop(target, count);
            case "push":
                VlanTag[] pushed = ParseTags(words);
                return () => TagRewrite.Push(target, pushed);
            default:
                string form = words.Keyword("1-1", "1-2", "2-1", "2-2");
                VlanTag[] tags = ParseTags(words);
                return tags.Length == form[2] - '0'
                    ? () => TagRewrite.Translate(target, form[0] - '0', tags)
                    : throw new CommandException($"{form} takes {form[2]} VLANs");
        }
    }

    /// <summary>The inner one of two tags is always 802.1Q.</summary>
    private static VlanTag[] ParseTags(Words words)
    {
        ushort type = words.Keyword("dot1q", "dot1ad") == "dot1ad" ? EtherType.ServiceVlan : EtherType.Vlan;
        VlanTag outer = new(type, words.Number("a VLAN", 1, VlanTag.MaxId));
        return words.AtEnd ? [outer] : [outer, new VlanTag(EtherType.Vlan, words.Number("a VLAN", 1, VlanTag.MaxId))];
    }

    private static void AddSwitch(CommandTable table, Router router, string what, Action<Interface, bool> set) =>
        table.Add($"set interface l2 {what}", "<interface> [disable]", $"Says whether frames that a member receives take part in {what}ing", words =>
        {
            Interface target = words.Interface(router);
            bool on = !words.TryKeyword("disable");
            return _ => set(target, on);
        });

    private static string FormatMode(Interface item) => item.L2 switch
    {
        { Domain: { } domain } port => $"l2 bridge {item} bd_id {domain.Id}{(port.IsBvi ? " bvi" : "")} shg {port.SplitHorizonGroup}",
        { } port => $"l2 xconnect {item} {port.Peer?.Name ?? "(deleted)"}",
        null => $"l3 {item}",
    };
}
