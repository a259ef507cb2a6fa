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
    private readonly Dictionary<ushort, Outstanding> _outstanding = [];
    private readonly long _interval;
    private readonly long _patience;
    private bool _isCancelled;
    private int _lastSequence;
    private long _nextSend = long.MinValue;

    internal PingSession(PingOptions options, ushort identifier)
    {
        Options = options;
        Identifier = identifier;
        _interval = options.Interval.Ticks * TimeSpan.NanosecondsPerTick;
        _patience = Math.Max(_interval, 1_000_000_000);
    }

    public PingOptions Options { get; }

    /// <summary>The address that the last request came from, 0.0.0.0 before there was one.</summary>
    public Ip4Address Source { get; private set; }

    /// <summary>Requests sent so far.</summary>
    public int Sent { get; private set; }

    /// <summary>Requests answered so far.</summary>
    public int Received { get; private set; }

    /// <summary>One result for each request, in the order in which they became known; completed when the session has ended.</summary>
    public ChannelReader<PingResult> Results => _results.Reader;

    internal ushort Identifier { get; }

    internal bool HasEnded { get; private set; }

    /// <summary>Ends the session: nothing more is sent, and <see cref="Results"/> completes. May be called from any thread.</summary>
    public void Cancel()
    {
        Volatile.Write(ref _isCancelled, true);
        _ = _results.Writer.TryComplete();
    }

    /// <summary>Sends what is due by <paramref name="route"/>, gives up on what is overdue, and ends when there is nothing left to wait for.</summary>
    internal void Advance(long now, PingRoute route, SpscRing<WorkerRequest> requests)
    {
        foreach ((ushort sequence, Outstanding request) in _outstanding)
        {
            if (now - request.PostedAt >= _patience)
            {
                End(sequence, PingOutcome.NoReply);
            }
        }

        if (_lastSequence < Options.Repeat && now >= _nextSend && !Volatile.Read(ref _isCancelled))
        {
            _nextSend = (_lastSequence == 0 ? now : _nextSend) + _interval;
            Send(++_lastSequence, now, route, requests);
        }

        bool isDone = _lastSequence == Options.Repeat && _outstanding.Count == 0;
        if (isDone || Volatile.Read(ref _isCancelled))
        {
            HasEnded = true;
            _ = _results.Writer.TryComplete();
        }
    }

    /// <summary>Takes what the worker says about one of the requests.</summary>
    internal void Take(in WorkerReport report)
    {
        if (!_outstanding.TryGetValue(report.Sequence, out Outstanding request))
        {
            return; // a duplicate, or too late
        }

        switch (report.Kind)
        {
            case WorkerReportKind.EchoRequestSent:
                _outstanding[report.Sequence] = request with { SentAt = report.Time };
                break;
            case WorkerReportKind.EchoRequestNoBuffer:
                Sent--;
                End(report.Sequence, PingOutcome.NoBuffer);
                break;
            default:
                Received++;
                _ = _outstanding.Remove(report.Sequence);
                TimeSpan roundTrip = TimeSpan.FromTicks((report.Time - request.SentAt) / TimeSpan.NanosecondsPerTick);
                _ = _results.Writer.TryWrite(new PingResult(
                    request.Sequence, PingOutcome.Reply, report.Address, report.Bytes, report.TimeToLive, roundTrip));
                break;
        }
    }

    private void Send(int sequence, long now, PingRoute route, SpscRing<WorkerRequest> requests)
    {
        Outstanding request = new(sequence, now, now);
        _outstanding[(ushort)sequence] = request;
        if (route.Failure is { } failure)
        {
            End((ushort)sequence, failure);
            return;
        }

        Source = route.Source;
        bool posted = requests.TryAdd(new WorkerRequest(WorkerRequestKind.EchoRequest)
        {
            Source = Source,
            Destination = Options.Destination,
            Identifier = Identifier,
            Sequence = (ushort)sequence,
            Size = (ushort)Options.Size,
        });
        Sent += posted ? 1 : 0;
        if (!posted)
        {
            End((ushort)sequence, PingOutcome.NoBuffer);
        }
    }

    private void End(ushort wireSequence, PingOutcome outcome)
    {
        _ = _outstanding.Remove(wireSequence, out Outstanding request);
        _ = _results.Writer.TryWrite(new PingResult(request.Sequence, outcome, default, 0, 0, TimeSpan.Zero));
    }

    private readonly record struct Outstanding(int Sequence, long PostedAt, long SentAt);
}

/// <summary>Where a session's requests come from, or why there is no way to send any.</summary>
internal readonly record struct PingRoute(Ip4Address Source, PingOutcome? Failure);
