using System.Threading.Channels;
using Verbena.Packets;

namespace Verbena.Dataplane.Ping;

/// <summary>What to ping, and how.</summary>
/// <param name="Destination">The address to ask.</param>
public sealed record PingOptions(Ip4Address Destination)
{
    /// <summary>The address to ask from; by default the one of the interface that the packet leaves by.</summary>
    public Ip4Address? Source { get; init; }

    /// <summary>Bytes of payload after the ICMP header.</summary>
    public int Size { get; init; } = 60;

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many requests to send.</summary>
    public int Repeat { get; init; } = 5;
}

/// <summary>How one echo request ended.</summary>
public enum PingOutcome
{
    Reply,

    /// <summary>Nobody answered within a second, or the interval where that is longer.</summary>
    NoReply,

    /// <summary>No route leads to the destination; VPP says "no egress interface".</summary>
    NoEgressInterface,

    /// <summary>The egress interface has no address to ask from.</summary>
    NoSourceAddress,

    /// <summary>The pool had no buffer for the request, or the worker no room for more to do.</summary>
    NoBuffer,
}

/// <summary>The end of one echo request.</summary>
/// <param name="Sequence">Its ICMP sequence number, from 1.</param>
/// <param name="Outcome">Whether it was answered, or why not.</param>
/// <param name="From">Who answered.</param>
/// <param name="Bytes">The answer's IPv4 total length.</param>
/// <param name="TimeToLive">The answer's TTL as it arrived.</param>
/// <param name="RoundTrip">From the worker making the request to the worker reading the answer.</param>
public readonly record struct PingResult(
    int Sequence, PingOutcome Outcome, Ip4Address From, int Bytes, int TimeToLive, TimeSpan RoundTrip);

/// <summary>A ping in progress: <see cref="Router.Maintain"/> sends its requests when they are due.</summary>
public sealed class PingSession
{
    private readonly Channel<PingResult> _results = Channel.CreateUnbounded<PingResult>();

    internal PingSession(PingOptions options, Ip4Address source, ushort identifier)
    {
        Options = options;
        Source = source;
        Identifier = identifier;
    }

    public PingOptions Options { get; }

    /// <summary>The address that the requests come from.</summary>
    public Ip4Address Source { get; }

    /// <summary>Requests sent so far.</summary>
    public int Sent { get; private set; }

    /// <summary>Requests answered so far.</summary>
    public int Received { get; private set; }

    /// <summary>One result for each request, in the order in which they became known; completed when the session has ended.</summary>
    public ChannelReader<PingResult> Results => _results.Reader;

    /// <summary>Ends the session: nothing more is sent, and <see cref="Results"/> completes. May be called from any thread.</summary>
    public void Cancel() => _results.Writer.TryComplete();

    internal ushort Identifier { get; }
}
