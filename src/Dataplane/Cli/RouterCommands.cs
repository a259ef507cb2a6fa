using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>The router's commands, as VPP names them.</summary>
public static class RouterCommands
{
    /// <summary>Adds all of them.</summary>
    /// <param name="table">Where to.</param>
    /// <param name="router">What they work on; they run on its control thread.</param>
    /// <param name="now">The clock of <see cref="Router.Maintain"/>, in nanoseconds.</param>
    public static void AddTo(CommandTable table, Router router, Func<long> now)
    {
        InterfaceCommands.AddTo(table, router);
        ReceptionCommands.AddTo(table, router);
        PlacementCommands.AddTo(table, router);
        HardwareCommands.AddTo(table, router);
        AddressCommands.AddTo(table, router);
        RouteCommands.AddTo(table, router);
        NeighborCommands.AddTo(table, router, now);
        SubInterfaceCommands.AddTo(table, router);
        L2InterfaceCommands.AddTo(table, router);
        BridgeDomainCommands.AddTo(table, router);
        L2FibCommands.AddTo(table, router, now);
        CounterCommands.AddTo(table, router);
        RuntimeCommands.AddTo(table, router, now);
        ThreadCommands.AddTo(table, router);
        BufferCommands.AddTo(table, router);
        PingCommand.AddTo(table, router);
    }

    /// <summary>Takes the name of an interface.</summary>
    public static Interface Interface(this Words words, Router router)
    {
        ArgumentNullException.ThrowIfNull(words);
        ArgumentNullException.ThrowIfNull(router);
        return words.Value("an interface", Named(router), Names(router));
    }

    /// <summary>Takes the name or the index of an interface, if there is one.</summary>
    internal static bool TryInterfaceOrIndex(this Words words, Router router, [MaybeNullWhen(false)] out Interface found) =>
        words.TryValue("an interface", NamedOrNumbered(router), out found, Names(router));

    /// <summary>Takes the names or indices of interfaces; none mean all, sorted by name.</summary>
    internal static List<Interface> Interfaces(this Words words, Router router)
    {
        List<Interface> chosen = [];
        while (words.TryInterfaceOrIndex(router, out Interface? one))
        {
            chosen.Add(one);
        }

        return chosen.Count > 0 ? chosen : [.. router.Interfaces.All.OrderBy(item => item.Name, StringComparer.Ordinal)];
    }

    private static string[] Names(Router router) => [.. router.Interfaces.All.Select(item => item.Name)];

    private static WordParser<Interface> Named(Router router) =>
        (string word, [MaybeNullWhen(false)] out Interface found) => (found = router.Interfaces.Find(word)) is not null;

    private static WordParser<Interface> NamedOrNumbered(Router router) =>
        (string word, [MaybeNullWhen(false)] out Interface found) =>
        {
            found = router.Interfaces.Find(word);
            if (found is null && int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            {
                found = router.Interfaces.All.FirstOrDefault(item => item.Index == index);
            }

            return found is not null;
        };
}
