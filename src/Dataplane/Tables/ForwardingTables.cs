using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane.Tables;

/// <summary>What workers look packets up in. The control thread writes, they read.</summary>
/// <remarks>
/// Two rules keep workers from seeing half of a change. What is added or replaced is complete before one write of a word
/// makes it reachable, so it may happen at any time. What is freed to be used again is freed while they are parked.
/// </remarks>
internal sealed class ForwardingTables
{
    /// <summary>What VPP's empty table drops: RFC 1122, 3.2.1.3, RFC 5771 (multicast), RFC 1112, 4 (reserved).</summary>
    private static readonly Ip4Prefix[] s_reserved =
    [
        new(Ip4Address.Parse("0.0.0.0"), 32),
        new(Ip4Address.Parse("224.0.0.0"), 4),
        new(Ip4Address.Parse("240.0.0.0"), 4),
        new(Ip4Address.Parse("255.255.255.255"), 32),
    ];

    private readonly int _workers;
    private Interface?[] _interfaces = new Interface?[16];
    private int _version;

    /// <summary>Makes tables for so many workers.</summary>
    public ForwardingTables(int workers)
    {
        _workers = workers;
        Adjacencies = new AdjacencyTable(workers);
        foreach (Ip4Prefix prefix in s_reserved)
        {
            Fib.Add(prefix, AdjacencyTable.Drop);
        }
    }

    public Ip4Fib Fib { get; } = new(AdjacencyTable.Unreachable);

    public AdjacencyTable Adjacencies { get; }

    public L2Fib L2Fib { get; } = new();

    /// <summary>Changes whenever a route or a neighbor does, so that waiting packets know when to look again.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>The interfaces by index; free slots are null. Changed only while workers are parked.</summary>
    public ReadOnlySpan<Interface?> Interfaces => _interfaces;

    /// <summary>Whether a prefix is one that no packet is routed to.</summary>
    public static bool IsReserved(Ip4Prefix prefix) => s_reserved.Contains(prefix);

    /// <summary>The interface of a packet, which is there as long as packets of it are under way.</summary>
    public Interface InterfaceAt(uint index) => _interfaces[index]!;

    /// <summary>Where a packet to <paramref name="destination"/> goes.</summary>
    public Adjacency LookUp(Ip4Address destination) => Adjacencies[Fib.Lookup(destination)];

    /// <summary>The interface, up or down, by which a host is reached without another router. For the control thread.</summary>
    public Interface? LinkTo(Ip4Address host)
    {
        foreach (Interface? link in _interfaces)
        {
            if (link?.HasHost(host) == true)
            {
                return link;
            }
        }

        return null;
    }

    /// <summary>The free indexes in ascending order, without an end.</summary>
    public IEnumerable<int> FreeInterfaceIndexes =>
        Enumerable.Range(0, int.MaxValue).Where(index => index >= _interfaces.Length || _interfaces[index] is null);

    public void SetInterface(int index, Interface? value)
    {
        if (index >= _interfaces.Length)
        {
            Array.Resize(ref _interfaces, index * 2);
        }

        value?.CountFor(_workers);
        _interfaces[index] = value;
    }

    /// <summary>Tells workers that routes or neighbors have changed.</summary>
    public void Publish() => Volatile.Write(ref _version, _version + 1);
}
