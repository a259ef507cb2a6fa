using Verbena.Dataplane.Nodes;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Ping;

/// <summary>The pings in progress, told apart by their ICMP identifiers. Belongs to the control thread.</summary>
internal sealed class PingSessions(ForwardingTables tables, SpscRing<WorkerRequest> requests)
{
    private readonly Dictionary<ushort, PingSession> _sessions = [];
    private ushort _lastIdentifier;

    public PingSession Start(PingOptions options)
    {
        Check(options);
        while (_sessions.ContainsKey(++_lastIdentifier))
        {
            // One of 65536 is free: nobody waits for so many pings.
        }

        PingSession session = new(options, _lastIdentifier);
        _sessions.Add(_lastIdentifier, session);
        return session;
    }

    public void Take(in WorkerReport report)
    {
        if (_sessions.TryGetValue(report.Identifier, out PingSession? session))
        {
            session.Take(in report);
        }
    }

    public void Advance(long now)
    {
        foreach (PingSession session in _sessions.Values)
        {
            session.Advance(now, FindRoute(session.Options), requests);
            if (session.HasEnded)
            {
                _ = _sessions.Remove(session.Identifier);
            }
        }
    }

    private void Check(PingOptions options)
    {
        if (options.Size is < 0 or > ControlInputNode.MaxEchoPayloadBytes)
        {
            throw new RouterException(
                $"size {options.Size} does not fit into a packet: it can be 0 to {ControlInputNode.MaxEchoPayloadBytes} bytes");
        }

        if (options.Repeat < 1 || options.Interval <= TimeSpan.Zero)
        {
            throw new RouterException("repeat and interval must be greater than zero");
        }

        if (options.Source is { } source && tables.LookUp(source).Kind != AdjacencyKind.Receive)
        {
            throw new RouterException($"{source} is the address of no interface that is up");
        }
    }

    private PingRoute FindRoute(PingOptions options)
    {
        Adjacency adjacency = tables.LookUp(options.Destination);
        if (adjacency.Interface is not { } egress)
        {
            return new(default, PingOutcome.NoEgressInterface);
        }

        Ip4Address source = options.Source ?? (adjacency.Kind == AdjacencyKind.Receive
            ? options.Destination
            : egress.AddressTowards(adjacency.Kind == AdjacencyKind.Glean ? options.Destination : adjacency.NextHop));
        return source.IsZero ? new(default, PingOutcome.NoSourceAddress) : new(source, null);
    }
}
