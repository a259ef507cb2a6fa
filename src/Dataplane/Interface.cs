using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>A software interface: where packets enter and leave the graph, and what a person gives addresses to.</summary>
/// <remarks>Made by <see cref="Router.AddInterface"/>. The control thread changes it; the worker reads the fields marked so.</remarks>
public sealed class Interface
{
    /// <summary>The longest IPv4 packet an interface sends unless it is told otherwise, in bytes (RFC 894).</summary>
    public const int DefaultMtu = 1500;

    /// <summary>The shortest that a link may have (RFC 791, 3.2).</summary>
    public const int MinMtu = 68;

    private readonly List<Ip4Prefix> _addresses = [];
    private InterfaceCounters _cleared;
    private ulong _macBits;
    private uint _primaryAddress;
    private bool _isAdminUp;

    internal Interface(string name, int index, Port? port)
    {
        Name = name;
        Index = index;
        Port = port;
        MaxMtu = port is null ? 0 : port.MaxFrameBytes - EthernetHeader.Size;
        Mtu = Math.Min(DefaultMtu, MaxMtu);
        MacAddress = port?.MacAddress ?? default;
    }

    public string Name { get; }

    /// <summary>What VPP calls sw_if_index: 0 is <c>local0</c>; an index is used again after its interface was removed.</summary>
    public int Index { get; }

    /// <summary>The NIC's port below the interface; <c>local0</c> has none.</summary>
    public Port? Port { get; }

    /// <summary>The longest IPv4 packet that the interface sends, in bytes.</summary>
    public int Mtu { get; internal set; }

    /// <summary>The largest value that <see cref="Mtu"/> can take: what the port can carry behind an Ethernet header.</summary>
    public int MaxMtu { get; }

    /// <summary>Whether somebody has asked for unicast frames to others, too.</summary>
    public bool IsPromiscuous { get; internal set; }

    /// <summary>Its addresses with their prefix lengths, in the order in which they were given.</summary>
    public IReadOnlyList<Ip4Prefix> Addresses => _addresses;

    /// <summary>Whether somebody has set the interface up. The worker reads it.</summary>
    public bool IsAdminUp
    {
        get => Volatile.Read(ref _isAdminUp);
        internal set => Volatile.Write(ref _isAdminUp, value);
    }

    /// <summary>The address it sends from and receives for. Kept as one word, so that the worker never reads half of a change.</summary>
    public MacAddress MacAddress
    {
        get => new(Volatile.Read(ref _macBits));
        internal set => Volatile.Write(ref _macBits, value.Bits);
    }

    /// <summary>The first of its addresses, 0.0.0.0 if it has none: where its ICMP errors come from. The worker reads it.</summary>
    internal Ip4Address PrimaryAddress
    {
        get => new(Be32.FromRaw(Volatile.Read(ref _primaryAddress)));
        private set => Volatile.Write(ref _primaryAddress, value.Value.Raw);
    }

    /// <summary>What it has counted since <see cref="Router.ClearInterfaceCounters"/>.</summary>
    public InterfaceCounters Counters => ReadCounters() - _cleared;

    /// <summary>What the worker counts about this interface; nobody else writes it.</summary>
    internal WorkerInterfaceCounters Worker { get; } = new();

    internal ulong MacBits => Volatile.Read(ref _macBits);

    internal void AddAddress(Ip4Prefix address)
    {
        _addresses.Add(address);
        PrimaryAddress = _addresses[0].Address;
    }

    /// <summary>The own address to use towards a host: that of its network, else the first one; 0.0.0.0 if there is none.</summary>
    internal Ip4Address AddressTowards(Ip4Address host)
    {
        foreach (Ip4Prefix address in _addresses)
        {
            if (address.Contains(host))
            {
                return address.Address;
            }
        }

        return PrimaryAddress;
    }

    internal bool RemoveAddress(Ip4Prefix address)
    {
        bool removed = _addresses.Remove(address);
        PrimaryAddress = _addresses is [var first, ..] ? first.Address : default;
        return removed;
    }

    internal void ClearCounters() => _cleared = ReadCounters();

    public override string ToString() => Name;

    private InterfaceCounters ReadCounters()
    {
        InterfaceCounters sum = new()
        {
            Drops = Volatile.Read(ref Worker.Drops),
            Ip4 = Volatile.Read(ref Worker.Ip4),
            TxErrors = Volatile.Read(ref Worker.TxErrors),
        };
        foreach (RxCounters rx in Port?.RxQueues.Select(queue => queue.Counters) ?? [])
        {
            sum = sum with
            {
                RxPackets = sum.RxPackets + rx.Packets,
                RxBytes = sum.RxBytes + rx.Bytes,
                RxNoBuffer = sum.RxNoBuffer + rx.NoBuffer,
                RxErrors = sum.RxErrors + rx.Errors,
            };
        }

        foreach (TxCounters tx in Port?.TxQueues.Select(queue => queue.Counters) ?? [])
        {
            sum = sum with
            {
                TxPackets = sum.TxPackets + tx.Packets,
                TxBytes = sum.TxBytes + tx.Bytes,
                TxErrors = sum.TxErrors + tx.Errors,
            };
        }

        return sum;
    }
}

/// <summary>An interface's counters, under VPP's names: packets, and bytes without FCS.</summary>
public readonly record struct InterfaceCounters
{
    public ulong RxPackets { get; init; }

    public ulong RxBytes { get; init; }

    public ulong TxPackets { get; init; }

    public ulong TxBytes { get; init; }

    /// <summary>Packets received here that were dropped under a reason of severity error.</summary>
    public ulong Drops { get; init; }

    /// <summary>IPv4 packets received.</summary>
    public ulong Ip4 { get; init; }

    /// <summary>Times that the NIC could not be given a buffer.</summary>
    public ulong RxNoBuffer { get; init; }

    public ulong RxErrors { get; init; }

    /// <summary>Packets that were to leave here and could not: the queue was full, or their completion reported an error.</summary>
    public ulong TxErrors { get; init; }

    public static InterfaceCounters operator -(InterfaceCounters left, InterfaceCounters right) => Subtract(left, right);

    public static InterfaceCounters Subtract(InterfaceCounters left, InterfaceCounters right) => new()
    {
        RxPackets = left.RxPackets - right.RxPackets,
        RxBytes = left.RxBytes - right.RxBytes,
        TxPackets = left.TxPackets - right.TxPackets,
        TxBytes = left.TxBytes - right.TxBytes,
        Drops = left.Drops - right.Drops,
        Ip4 = left.Ip4 - right.Ip4,
        RxNoBuffer = left.RxNoBuffer - right.RxNoBuffer,
        RxErrors = left.RxErrors - right.RxErrors,
        TxErrors = left.TxErrors - right.TxErrors,
    };
}

/// <summary>The counters of an interface that the worker writes and others read.</summary>
internal sealed class WorkerInterfaceCounters
{
    public ulong Drops;
    public ulong Ip4;
    public ulong TxErrors;
}
