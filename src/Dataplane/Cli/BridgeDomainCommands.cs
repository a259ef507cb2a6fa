using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Verbena.Dataplane.L2;

namespace Verbena.Dataplane.Cli;

/// <summary>Bridge domains (vnet/l2/l2_bd.c).</summary>
internal static class BridgeDomainCommands
{
    private const int MaxAgeMinutes = 255;
    private const int MaxTagLength = 63;

    public static void AddTo(CommandTable table, Router router)
    {
        Bridging bridging = router.Bridging;
        table.Add("create bridge-domain",
            "[<id>] [learn 0|1] [forward 0|1] [flood 0|1] [uu-flood 0|1] [mac-age <minutes>] [bd-tag <text>] [del]",
            "Makes or deletes a bridge domain", words => ParseCreate(words, bridging));
        AddSwitch(table, bridging, "learn", "Says whether Ethernet addresses are learned", (domain, on) => domain.Learns = on);
        AddSwitch(table, bridging, "forward", "Says whether frames go where their address was learned", (domain, on) => domain.Forwards = on);
        AddSwitch(table, bridging, "flood", "Says whether broadcast and multicast go to all members", (domain, on) => domain.Floods = on);
        AddSwitch(table, bridging, "uu-flood", "Says whether unicast to unknown addresses goes to all members", (domain, on) => domain.FloodsUnknown = on);
        AddNumber(table, bridging, "mac-age", "<minutes>", "Sets after how many minutes of silence an address is forgotten; 0: never",
            words => words.Number("minutes", 0, MaxAgeMinutes), (domain, minutes) => domain.MacAgeMinutes = minutes);
        AddNumber(table, bridging, "learn-limit", "<addresses>", "Sets how many addresses are learned",
            words => words.Number("addresses", 0, BridgeDomain.MaxId), (domain, limit) => domain.LearnLimit = limit);
        table.Add("show bridge-domain", "[<id> [detail|int|bd-tag]]", "Lists bridge domains, or one with its members", words => ParseShow(words, bridging));
    }

    /// <summary>Takes the number of a bridge domain.</summary>
    internal static BridgeDomain Domain(this Words words, Bridging bridging) =>
        words.Value<BridgeDomain>("the id of a bridge domain", Numbered(bridging), Ids(bridging));

    private static Action<CliSession> ParseCreate(Words words, Bridging bridging)
    {
        bool numbered = words.TryValue<int>("a bridge domain id", TryParseId, out int id);
        List<Action<BridgeDomain>> settings = [];
        while (words.MayHaveOption)
        {
            if (numbered && words.TryKeyword("del"))
            {
                return _ => bridging.Delete(bridging.Find(id) ?? throw new CommandException($"bridge domain {id} does not exist"));
            }

            if (ParseSetting(words) is { } setting)
            {
                settings.Add(setting);
            }
            else if (!words.AtEnd)
            {
                throw words.Unexpected();
            }
        }

        return session =>
        {
            BridgeDomain created = bridging.Create(numbered ? id : FreeId(bridging));
            settings.ForEach(set => set(created));
            session.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bridge-domain {created.Id}"));
        };
    }

    private static Action<BridgeDomain>? ParseSetting(Words words)
    {
        if (words.TryKeyword("mac-age"))
        {
            int minutes = words.Number("minutes", 0, MaxAgeMinutes);
            return domain => domain.MacAgeMinutes = minutes;
        }

        if (words.TryKeyword("bd-tag"))
        {
            string tag = words.Text("a text");
            return domain => domain.Tag = tag.Length <= MaxTagLength ? tag : tag[..MaxTagLength];
        }

        return ParseFlag(words, "learn", (domain, on) => domain.Learns = on)
            ?? ParseFlag(words, "forward", (domain, on) => domain.Forwards = on)
            ?? ParseFlag(words, "flood", (domain, on) => domain.Floods = on)
            ?? ParseFlag(words, "uu-flood", (domain, on) => domain.FloodsUnknown = on);
    }

    private static Action<BridgeDomain>? ParseFlag(Words words, string keyword, Action<BridgeDomain, bool> set)
    {
        if (!words.TryKeyword(keyword))
        {
            return null;
        }

        bool on = words.Keyword("0", "1") == "1";
        return domain => set(domain, on);
    }

    private static string[] Ids(Bridging bridging) =>
        [.. bridging.Domains.Select(domain => domain.Id.ToString(CultureInfo.InvariantCulture))];

    private static WordParser<BridgeDomain> Numbered(Bridging bridging) =>
        (string word, [MaybeNullWhen(false)] out BridgeDomain found) =>
            (found = TryParseId(word, out int id) ? bridging.Find(id) : null) is not null;

    private static bool TryParseId(string word, out int id) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id is >= 1 and <= BridgeDomain.MaxId;

    private static int FreeId(Bridging bridging) =>
        Enumerable.Range(1, BridgeDomain.MaxId).First(id => bridging.Find(id) is null);

    private static void AddSwitch(CommandTable table, Bridging bridging, string what, string summary, Action<BridgeDomain, bool> set) =>
        table.Add($"set bridge-domain {what}", "<id> [disable]", summary, words =>
        {
            BridgeDomain domain = words.Domain(bridging);
            bool on = !words.TryKeyword("disable");
            return _ => set(domain, on);
        });

    private static void AddNumber(
        CommandTable table, Bridging bridging, string what, string argument, string summary, Func<Words, int> parse, Action<BridgeDomain, int> set) =>
        table.Add($"set bridge-domain {what}", $"<id> {argument}", summary, words =>
        {
            BridgeDomain domain = words.Domain(bridging);
            int number = parse(words);
            return _ => set(domain, number);
        });

    private static Action<CliSession> ParseShow(Words words, Bridging bridging)
    {
        if (!words.TryValue("the id of a bridge domain", Numbered(bridging), out BridgeDomain? domain, Ids(bridging)))
        {
            return session => session.Output.Write(BridgeDomainLayout.Format(bridging.Domains));
        }

        bool tag = words.TryKeyword("bd-tag");
        bool detail = !tag && words.TryKeyword("detail", "det");
        bool members = detail || (!tag && words.TryKeyword("int"));
        return session => session.Output.Write(
            BridgeDomainLayout.Format([domain])
            + (members ? "\n" + BridgeDomainLayout.FormatMembers(domain) : "")
            + (detail || tag ? $"\n  BD-Tag: {domain.Tag}\n" : ""));
    }
}
