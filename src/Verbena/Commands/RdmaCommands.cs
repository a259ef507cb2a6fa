using System.Globalization;
using Microsoft.Extensions.Logging;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Commands;

/// <summary>Interfaces on ConnectX ports: made and deleted by command, their events read by the control thread.</summary>
/// <param name="router">Gets the interfaces.</param>
/// <param name="macAddresses">Which MAC addresses they may take.</param>
/// <param name="random">Where the first ones come from.</param>
/// <param name="log">Hears of interfaces and links that come and go, and of what the NIC steers where.</param>
internal sealed class RdmaCommands(Router router, MacAddressPolicy macAddresses, Random random, ILogger log) : IDisposable
{
    private static readonly (string Word, OptionReader Read)[] s_options =
    [
        ("name", (words, options) => options with { Name = words.Text("a name") }),
        ("rx-queue-size", (words, options) => options with { RxQueueSize = Number(words) }),
        ("tx-queue-size", (words, options) => options with { TxQueueSize = Number(words) }),
        ("num-rx-queues", (words, options) => options with { RxQueues = Number(words) }),
        ("mode", (words, options) => options with { Mode = Choice<RdmaMode>(words) }),
        ("no-multi-seg", (_, options) => options with { NoMultiSeg = true }),
        ("no-striding", (_, options) => options with { NoStriding = true }),
        ("cqe-compression", (words, options) => options with { CqeCompression = Choice<CqeCompression>(words) }),
        ("metadata", (words, options) => options with { Metadata = options.Metadata | Metadata(words) }),
        ("max-pktlen", (words, options) => options with { MaxPacketLength = Number(words) }),
        ("rss", (words, options) => options with { Rss4 = Choice<Rss4>(words) }),
        ("rss6", (words, options) => options with { Rss6 = Choice<Rss6>(words) }),
    ];

    private readonly List<RdmaInterface> _interfaces = [];

    private delegate RdmaInterfaceOptions OptionReader(Words words, RdmaInterfaceOptions options);

    public void AddTo(CommandTable table)
    {
        table.Add("create interface rdma",
            "host-if <netdev> [name <name>] [rx-queue-size <n>] [tx-queue-size <n>] [num-rx-queues <n>] [mode auto|ibv|dv] "
            + "[no-multi-seg] [no-striding] [cqe-compression auto|none|hash|checksum|checksum-stride-index] "
            + "[metadata rss-hash|flow-tag|timestamp]... [max-pktlen <n>] [rss ipv4|ipv4-tcp|ipv4-udp] [rss6 ipv6|ipv6-tcp|ipv6-udp]",
            "Makes an interface of a ConnectX port, and prints its name; below it a warning, if there is one", words =>
        {
            RdmaInterfaceOptions options = Parse(words);
            return session =>
            {
                Create(options, session);
                session.Output.WriteLine(options.Name);
            };
        });
        table.Add("delete interface rdma", "<interface>|sw_if_index <n>", "Deletes an interface of a ConnectX port", words =>
        {
            Interface target = words.TryKeyword("sw_if_index") ? InterfaceOfIndex(words) : words.Interface(router);
            return session => Delete(target, session);
        });
    }

    /// <summary>Reads what the ports have to report. Called every millisecond.</summary>
    public void ReadEvents() => _interfaces.ForEach(item => item.ReadEvents());

    /// <summary>Logs what a command has changed in what the NIC steers where, and who has given it; warns whoever has.</summary>
    public void TellChanges(CliSession session, string line) => _interfaces.ForEach(item =>
    {
        item.LogSteering(session, line);
        item.Warn(session);
    });

    /// <summary>Deletes all interfaces.</summary>
    public void Dispose()
    {
        foreach (RdmaInterface item in _interfaces.ToArray())
        {
            Delete(item);
        }
    }

    private RdmaInterfaceOptions Parse(Words words)
    {
        words.Keyword("host-if");
        string hostInterface = words.Text("the name of a Linux network interface");
        var options = new RdmaInterfaceOptions { HostInterface = hostInterface, Name = DefaultName(hostInterface) };
        while (words.MayHaveOption)
        {
            options = ParseOption(words, options);
        }

        return options.Validate() is { } wrong ? throw new CommandException(wrong) : options;
    }

    private static RdmaInterfaceOptions ParseOption(Words words, RdmaInterfaceOptions options)
    {
        foreach ((string word, OptionReader read) in s_options)
        {
            if (words.TryKeyword(word))
            {
                return read(words, options);
            }
        }

        words.End();
        return options;
    }

    /// <summary>Takes a number; which are allowed, <see cref="RdmaInterfaceOptions.Validate"/> says.</summary>
    private static int Number(Words words) => words.Number("a number", 0, int.MaxValue);

    /// <summary>Takes a word that names a value: <c>ipv4-tcp</c> is <see cref="Rss4.Ipv4Tcp"/>.</summary>
    private static T Choice<T>(Words words)
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetNames<T>().Select(Word)];
        return Enum.GetValues<T>()[Array.IndexOf(names, words.Keyword(names))];
    }

    /// <summary>Takes what buffers' headers are to tell. Not VLAN tags: the graph looks for them in the frames.</summary>
    private static RxMetadata Metadata(Words words) => words.Keyword("rss-hash", "flow-tag", "timestamp") switch
    {
        "rss-hash" => RxMetadata.RssHash,
        "flow-tag" => RxMetadata.FlowTag,
        _ => RxMetadata.Timestamp,
    };

    private static string Word(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));

    /// <summary>The first name of the form <c>enp94s0f0/0</c> that is free.</summary>
    private string DefaultName(string hostInterface) => Enumerable.Range(0, int.MaxValue)
        .Select(instance => string.Create(CultureInfo.InvariantCulture, $"{hostInterface}/{instance}"))
        .First(name => router.Interfaces.Find(name) is null);

    private Interface InterfaceOfIndex(Words words)
    {
        int index = words.Number("an index", 0, int.MaxValue);
        return router.Interfaces.All.FirstOrDefault(item => item.Index == index) ?? throw new CommandException($"there is no interface {index}");
    }

    private void Create(RdmaInterfaceOptions options, CliSession session)
    {
        if (router.Interfaces.Find(options.Name) is not null)
        {
            throw new CommandException($"there is an interface {options.Name} already: choose another name");
        }

        RdmaPort port = CreatePort(options);
        try
        {
            port.SetMacAddress(macAddresses.Choose(random, MacAddressesInUse(port)));
            var added = new RdmaInterface(router.Interfaces.Add(port), port, log);
            _interfaces.Add(added);
            added.LogCreated(options.HostInterface, session);
        }
        catch
        {
            port.Dispose();
            throw;
        }
    }

    /// <summary>What no new port gets: the addresses of interfaces, and Linux's own on the port.</summary>
    private MacAddress[] MacAddressesInUse(RdmaPort port) =>
        [port.HostMacAddress.GetValueOrDefault(), .. router.Interfaces.All.SelectMany(item => item.SecondaryMacAddresses.Append(item.MacAddress))];

    /// <summary>Makes the port, and tells of options of this program that help where it can't be had: the driver knows none.</summary>
    private RdmaPort CreatePort(RdmaInterfaceOptions options)
    {
        try
        {
            return RdmaPort.Create(options, router.Buffers, router.Workers.Count, random);
        }
        catch (HostInterfaceException e)
        {
            throw new CommandException($"{e.Message}, or start verbena with '--emulated-nic {options.HostInterface}' for an emulated NIC of that name", e);
        }
        catch (BufferShortageException e)
        {
            throw new CommandException(
                e.EnoughBuffers <= CommandLine.MaxBuffers ? $"{e.Message}, or start verbena with '--buffers {e.EnoughBuffers}'" : e.Message, e);
        }
    }

    private void Delete(Interface target, CliSession session)
    {
        RdmaInterface item = _interfaces.Find(candidate => candidate.Interface == target)
            ?? throw new CommandException($"{target} is not a RDMA interface");
        Delete(item);
        item.LogDeleted(session);
    }

    private void Delete(RdmaInterface item)
    {
        router.Interfaces.Remove(item.Interface);
        item.Dispose();
        _interfaces.Remove(item);
    }
}
