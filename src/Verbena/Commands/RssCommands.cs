using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Driver;

namespace Verbena.Commands;

/// <summary>How a ConnectX spreads packets over an interface's receive queues: the key of the hash, and the table behind it.</summary>
internal static class RssCommands
{
    private const string KeyWord = "a key of 80 hex digits";
    private const string ListWord = "receive queues such as 0,2-3";

    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface rss", "<interface> [key <80 hex digits>] [queues <list>|table <list>]",
            "Spreads packets over receive queues: evenly over some (0,2-3), or by a table of its own", words =>
        {
            RdmaPort port = Port(words, router);
            RssSettings settings = port.Rss;
            if (words.TryKeyword("key"))
            {
                settings = settings with { Key = words.Value<byte[]>(KeyWord, TryParseKey) };
            }

            if (words.TryKeyword("queues"))
            {
                settings = settings with { Table = port.RssTableOver(words.Value<int[]>(ListWord, TryParseList)) };
            }
            else if (words.TryKeyword("table"))
            {
                settings = settings with { Table = words.Value<int[]>(ListWord, TryParseList) };
            }

            return _ => port.SetRss(settings);
        });
        table.Add("show interface rss", "<interface>", "Shows how packets are spread over receive queues", words =>
        {
            RdmaPort port = Port(words, router);
            return session => session.Output.Write(Format(port));
        });
    }

    private static RdmaPort Port(Words words, Router router)
    {
        Interface chosen = words.Interface(router);
        return chosen.Port as RdmaPort ?? throw new CommandException($"{chosen} is not a RDMA interface");
    }

    private static bool TryParseKey(string word, [MaybeNullWhen(false)] out byte[] key)
    {
        bool isKey = word.Length == 2 * RssSettings.KeyBytes && word.All(char.IsAsciiHexDigit);
        key = isKey ? Convert.FromHexString(word) : null;
        return isKey;
    }

    private static bool TryParseList(string word, [MaybeNullWhen(false)] out int[] list) =>
        NumberList.TryParse(word, RdmaInterfaceOptions.MaxRxQueues, out list);

    private static string Format(RdmaPort port) =>
        $"{port.Name}: {port.RssFields}\n  key {Convert.ToHexStringLower([.. port.Rss.Key])}\n"
        + string.Create(CultureInfo.InvariantCulture, $"  table of {port.Rss.Table.Count} entries:\n")
        + string.Concat(port.Rss.Table.Chunk(16).Select(row => $"    {string.Join(' ', row)}\n"));
}
