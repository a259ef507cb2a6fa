using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ip4-neighbor-wait: holds a few packets for each neighbor that is being asked for its Ethernet address, and asks.
/// Next: ip4-lookup once it is known or the packet's way another, ip4-icmp-error once it is clear that nobody answers.
/// </summary>
/// <remarks>
/// RFC 1122, 2.3.2.2 wants at least the latest packet saved, 2.3.2.1 at most one request a second for each neighbor. After
/// three unanswered ones the host is unreachable (RFC 1812, 3.3.2).
/// </remarks>
internal sealed class Ip4NeighborWaitNode(
    Dispatcher dispatcher, ArpRequests arpRequests, InternalNode lookup, InternalNode icmpError)
    : InputNode(dispatcher, "ip4-neighbor-wait")
{
    /// <summary>Neighbors that can be asked for at a time; packets to more are dropped, so a scan of a network does no harm.</summary>
    public const int MaxNeighbors = 1024;

    public const int PacketsPerNeighbor = 4;
    public const int MaxRequests = 3;

    /// <summary>Time between requests, and from the last one to giving up.</summary>
    public const long RequestIntervalNanoseconds = 1_000_000_000;

    private readonly ulong[] _keys = new ulong[MaxNeighbors]; // apart from the rest, for a search that reads nothing else
    private readonly Waiting[] _waiting = new Waiting[MaxNeighbors];
    private readonly BufferIndex[] _packets = new BufferIndex[MaxNeighbors * PacketsPerNeighbor];
    private int _count;
    private int _seenVersion;
    private long _nextDeadline;

    /// <summary>Packets held now.</summary>
    public int HeldCount { get; private set; }

    /// <summary>Takes a packet that is to leave by <paramref name="adjacency"/> towards <paramref name="nextHop"/>.</summary>
    public void Hold(BufferIndex packet, Adjacency adjacency, Ip4Address nextHop)
    {
        ulong key = Key(adjacency, nextHop);
        int at = _keys.AsSpan(0, _count).IndexOf(key);
        if (at < 0)
        {
            if (_count == MaxNeighbors)
            {
                Drop(packet, Reason.ArpTooManyWanted);
                return;
            }

            at = Begin(key, adjacency, nextHop);
        }

        ref Waiting waiting = ref _waiting[at];
        Span<BufferIndex> held = PacketsAt(at);
        if (waiting.PacketCount == PacketsPerNeighbor)
        {
            Drop(held[0], Reason.ArpPacketReplaced);
            held[1..].CopyTo(held);
            held[^1] = packet;
            return;
        }

        held[waiting.PacketCount++] = packet;
        HeldCount++;
    }

    /// <summary>Drops what waits for an interface or came by it. While the worker is parked; the caller runs the drop node.</summary>
    public void Forget(int interfaceIndex)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            if (_waiting[i].Interface.Index == interfaceIndex)
            {
                DropPackets(i, Reason.InterfaceDeleted);
            }
            else
            {
                DropPacketsFrom(i, interfaceIndex);
            }
        }
    }

    protected override int Poll()
    {
        if (_count == 0)
        {
            return 0;
        }

        int released = 0;
        int version = Dispatcher.Tables.Version;
        if (version != _seenVersion)
        {
            _seenVersion = version;
            released = Release();
        }

        if (Dispatcher.Now >= _nextDeadline)
        {
            released += AskAgain();
        }

        return released;
    }

    private int Begin(ulong key, Adjacency adjacency, Ip4Address nextHop)
    {
        int at = _count++;
        long deadline = Dispatcher.Now + RequestIntervalNanoseconds;
        _nextDeadline = at == 0 ? deadline : Math.Min(_nextDeadline, deadline);
        _seenVersion = at == 0 ? -1 : _seenVersion; // a change since the lookup must not be missed
        _keys[at] = key;
        _waiting[at] = new Waiting(adjacency.Interface!, nextHop) { Deadline = deadline };
        _ = TryAsk(at);
        return at;
    }

    /// <summary>Lets packets go on whose neighbor has answered, or whose way no longer leads to it.</summary>
    private int Release()
    {
        int released = 0;
        for (int i = _count - 1; i >= 0; i--)
        {
            released += Release(i);
        }

        return released;
    }

    private int Release(int at)
    {
        ref Waiting waiting = ref _waiting[at];
        Span<BufferIndex> packets = PacketsAt(at);
        int kept = 0;
        for (int i = 0; i < waiting.PacketCount; i++)
        {
            if (StillWaits(packets[i], _keys[at]))
            {
                packets[kept++] = packets[i];
            }
            else
            {
                lookup.Enqueue(packets[i]);
            }
        }

        int released = waiting.PacketCount - kept;
        HeldCount -= released;
        waiting.PacketCount = kept;
        if (kept == 0)
        {
            Remove(at);
        }

        return released;
    }

    private bool StillWaits(BufferIndex packet, ulong key)
    {
        Ip4Address destination = Buffers.PacketHeader<Ip4Header>(packet).Destination;
        Adjacency adjacency = Dispatcher.Tables.LookUp(destination);
        return adjacency.Kind switch
        {
            AdjacencyKind.Glean => Key(adjacency, destination) == key,
            AdjacencyKind.Incomplete => Key(adjacency, adjacency.NextHop) == key,
            _ => false,
        };
    }

    private int AskAgain()
    {
        int released = 0;
        _nextDeadline = long.MaxValue;
        for (int i = _count - 1; i >= 0; i--)
        {
            ref Waiting waiting = ref _waiting[i];
            if (Dispatcher.Now >= waiting.Deadline)
            {
                if (waiting.Requests == MaxRequests || !TryAsk(i))
                {
                    released += GiveUp(i);
                    continue;
                }

                waiting.Deadline = Dispatcher.Now + RequestIntervalNanoseconds;
            }

            _nextDeadline = Math.Min(_nextDeadline, waiting.Deadline);
        }

        return released;
    }

    private int GiveUp(int at)
    {
        Span<BufferIndex> packets = PacketsAt(at)[.._waiting[at].PacketCount];
        foreach (BufferIndex packet in packets)
        {
            if (_waiting[at].WasAsked)
            {
                Reject(packet, Reason.ArpUnanswered, IcmpError.HostUnreachable, icmpError);
            }
            else
            {
                Drop(packet, Reason.ArpRequestsNoBuffer); // nobody knows whether the host is there
            }
        }

        Remove(at);
        return packets.Length;
    }

    /// <summary>Asks, from the address that the interface now has on the neighbor's network; false if it routes no more, or has none.</summary>
    private bool TryAsk(int at)
    {
        ref Waiting waiting = ref _waiting[at];
        Ip4Prefix? own = waiting.Interface.IsRouting ? waiting.Interface.AddressOnNetworkOf(waiting.NextHop) : null;
        if (own is { } source)
        {
            waiting.Requests++;
            waiting.WasAsked |= arpRequests.TrySend(this, waiting.Interface, source.Address, waiting.NextHop, MacAddress.Broadcast);
        }

        return own is not null;
    }

    private void DropPackets(int at, Reason reason)
    {
        foreach (BufferIndex packet in PacketsAt(at)[.._waiting[at].PacketCount])
        {
            Drop(packet, reason);
        }

        Remove(at);
    }

    private void DropPacketsFrom(int at, int interfaceIndex)
    {
        Span<BufferIndex> packets = PacketsAt(at);
        int kept = 0;
        for (int i = 0; i < _waiting[at].PacketCount; i++)
        {
            if (Buffers.Header(packets[i]).RxInterface == interfaceIndex)
            {
                Drop(packets[i], Reason.InterfaceDeleted);
                HeldCount--;
            }
            else
            {
                packets[kept++] = packets[i];
            }
        }

        _waiting[at].PacketCount = kept;
    }

    /// <summary>Forgets a neighbor whose packets have gone elsewhere; the last one takes its place.</summary>
    private void Remove(int at)
    {
        HeldCount -= _waiting[at].PacketCount;
        int last = --_count;
        _keys[at] = _keys[last];
        _waiting[at] = _waiting[last];
        PacketsAt(last).CopyTo(PacketsAt(at));
        _waiting[last] = default;
    }

    private static ulong Key(Adjacency adjacency, Ip4Address nextHop) => ((ulong)adjacency.InterfaceIndex << 32) | nextHop.Value.Raw;

    private Span<BufferIndex> PacketsAt(int at) => _packets.AsSpan(at * PacketsPerNeighbor, PacketsPerNeighbor);

    private record struct Waiting(Interface Interface, Ip4Address NextHop)
    {
        /// <summary>When to ask again, or to give up.</summary>
        public long Deadline;
        public int Requests;

        /// <summary>False while no buffer was left for any of the requests.</summary>
        public bool WasAsked;
        public int PacketCount;
    }
}
