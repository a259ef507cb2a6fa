using System.Globalization;
using Verbena.Dataplane.Ping;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Echo requests from the router itself (plugins/ping/ping.c).</summary>
internal static class PingCommand
{
    private const int Ip4HeaderBytes = 20;

    public static void AddTo(CommandTable table, Router router) => table.Add(new Command(
        "ping", "[ipv4] <address> [source <interface>|<address>] [size <bytes>] [interval <seconds>] [repeat|count <n>]",
        "Asks a host for an echo", words =>
        {
            PingOptions options = Parse(words, router);
            return session => RunAsync(router, options, session);
        }));

    private static PingOptions Parse(Words words, Router router)
    {
        words.TryKeyword("ipv4");
        var options = new PingOptions(words.Ip4Address());
        while (words.MayHaveOption)
        {
            if (words.TryKeyword("source"))
            {
                options = options with { Source = Source(words, router) };
            }
            else if (words.TryKeyword("size"))
            {
                options = options with { Size = words.Number("bytes", 0, ushort.MaxValue) };
            }
            else if (words.TryKeyword("interval"))
            {
                options = options with { Interval = words.Seconds("an interval") };
            }
            else if (words.TryKeyword("repeat", "count"))
            {
                options = options with { Repeat = words.Number("repeat", 1, int.MaxValue) };
            }
            else
            {
                words.End();
            }
        }

        return options;
    }

    /// <summary>VPP names an interface, whose first address is meant; an address of one's own will do as well.</summary>
    private static Ip4Address Source(Words words, Router router)
    {
        if (words.TryValue<Ip4Address>("an IPv4 address", Ip4Address.TryParse, out Ip4Address address))
        {
            return address;
        }

        Interface source = words.Interface(router);
        return source.Addresses.Count > 0
            ? source.Addresses[0].Address
            : throw new CommandException($"no source address for interface {source}");
    }

    private static async Task RunAsync(Router router, PingOptions options, CliSession session)
    {
        PingSession ping = router.StartPing(options);
        using CancellationTokenRegistration registration = session.Interrupt.Register(ping.Cancel);
        var times = new List<TimeSpan>();
        await foreach (PingResult result in ping.Results.ReadAllAsync().ConfigureAwait(true))
        {
            await session.Output.WriteLineAsync(Describe(result, options)).ConfigureAwait(true);
            await session.Output.FlushAsync().ConfigureAwait(true);
            if (result.Outcome == PingOutcome.Reply)
            {
                times.Add(result.RoundTrip);
            }
        }

        if (session.Interrupt.IsCancellationRequested)
        {
            await session.Output.WriteLineAsync("Aborted due to a keypress.").ConfigureAwait(true);
        }

        await session.Output.WriteAsync(Statistics(ping.Sent, times)).ConfigureAwait(true);
        if (times.Count == 0)
        {
            throw new CommandException(ping.Sent == 0
                ? $"no request could be sent to {options.Destination}"
                : $"no reply from {options.Destination}");
        }
    }

    private static string Describe(PingResult result, PingOptions options) => result.Outcome switch
    {
        PingOutcome.Reply => string.Create(CultureInfo.InvariantCulture,
            $"{result.Bytes - Ip4HeaderBytes} bytes from {result.From}: icmp_seq={result.Sequence} ttl={result.TimeToLive} time={Milliseconds(result.RoundTrip)} ms"),
        PingOutcome.NoReply => string.Create(CultureInfo.InvariantCulture, $"No reply from {options.Destination}: icmp_seq={result.Sequence}"),
        PingOutcome.NoEgressInterface => "Failed: no egress interface",
        PingOutcome.NoSourceAddress => "Failed: no source address for egress interface",
        _ => "Failed: could not allocate a new buffer",
    };

    private static string Statistics(int sent, List<TimeSpan> times)
    {
        double loss = sent == 0 ? 0 : 100.0 * (sent - times.Count) / sent;
        string summary = string.Create(CultureInfo.InvariantCulture, $"\nStatistics: {sent} sent, {times.Count} received, {loss:0.##}% packet loss\n");
        return times.Count == 0
            ? summary
            : summary + $"rtt min/avg/max = {Milliseconds(times.Min())}/{Milliseconds(Average(times))}/{Milliseconds(times.Max())} ms\n";
    }

    private static TimeSpan Average(List<TimeSpan> times) => TimeSpan.FromTicks((long)times.Average(time => time.Ticks));

    private static string Milliseconds(TimeSpan time) => Layout.Fixed(time.TotalMilliseconds, 4);
}
