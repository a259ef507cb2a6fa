using System.Globalization;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>A software interface: where packets enter and leave the graph, and what a person gives addresses to.</summary>
/// <remarks>Made by <see cref="InterfaceSet"/>. The control thread changes it; workers read the fields marked so.</remarks>
public sealed class Interface
{
    /// <summary>The longest IPv4 packet an interface sends unless it is told otherwise, in bytes (RFC 894).</summary>
    public const int DefaultMtu = 1500;

    /// <summary>The shortest that a link may have (RFC 791, 3.2).</summary>
    public const int MinMtu = 68;

    /// <summary>The longest IPv4 packet that an interface without a port can be told to send, in bytes.</summary>
    public const int MaxVirtualMtu = 9000;

    private Ip4Prefix[] _addresses = [];
    private SubInterfaceTable _subInterfaces = SubInterfaceTable.None;
    private L2Port? _l2;
    private TagRewrite? _tagRewrite;
    private ulong[] _secondaryMacBits = [];
    private InterfaceCounters _cleared;
    private ulong _macBits;
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

    /// <summary>Makes a sub-interface.</summary>
    internal Interface(Interface parent, int index, int id, VlanMatch match)
        : this(SubInterfaceName(parent, id), index, port: null)
    {
        (Parent, Match) = (parent, match);
        MaxMtu = parent.MaxMtu - (match.TagCount > 1 ? VlanTag.Size : 0); // for one tag every port has room
        Mtu = Math.Min(parent.Mtu, MaxMtu);
    }

    /// <summary>Makes an interface that is no port's: a loopback, which can be a bridge domain's BVI.</summary>
    internal Interface(string name, int index, MacAddress address)
        : this(name, index, port: null)
    {
        (IsVirtual, MacAddress, MaxMtu, Mtu) = (true, address, MaxVirtualMtu, DefaultMtu);
    }

    public string Name { get; }

    /// <summary>What VPP calls sw_if_index: 0 is <c>local0</c>; an index is used again after its interface was removed.</summary>
    public int Index { get; }

    /// <summary>The NIC's port below the interface; sub-interfaces, loopbacks and <c>local0</c> have none of their own.</summary>
    public Port? Port { get; }

    /// <summary>The interface whose port a sub-interface shares, by the VLAN tags of <see cref="Match"/>; else null.</summary>
    public Interface? Parent { get; }

    /// <summary>Which of its parent's frames are a sub-interface's.</summary>
    public VlanMatch? Match { get; }

    /// <summary>The interface that has the port: a sub-interface's parent, else itself.</summary>
    public Interface Main => Parent ?? this;

    /// <summary>True for loopback and bvi interfaces.</summary>
    public bool IsVirtual { get; }

    /// <summary>What it does with VLAN tags in L2 mode; null: nothing. The worker reads it.</summary>
    public TagRewrite? TagRewrite
    {
        get => Volatile.Read(ref _tagRewrite);
        internal set => Volatile.Write(ref _tagRewrite, value);
    }

    /// <summary>Its sub-interfaces, in the order in which they were made.</summary>
    public IReadOnlyList<Interface> SubInterfaces => SubInterfaceTable.All;

    /// <summary>Itself and its sub-interfaces.</summary>
    internal IEnumerable<Interface> WithSubInterfaces => SubInterfaces.Prepend(this);

    /// <summary>Finds the sub-interface of a frame. The worker reads it.</summary>
    internal SubInterfaceTable SubInterfaceTable
    {
        get => Volatile.Read(ref _subInterfaces);
        set => Volatile.Write(ref _subInterfaces, value);
    }

    /// <summary>What it is in L2 mode, null in L3 mode. Changed while the worker is parked.</summary>
    internal L2Port? L2
    {
        get => Volatile.Read(ref _l2);
        set => Volatile.Write(ref _l2, value);
    }

    /// <summary>True if IPv4 packets are for it while it is up: it is in no bridge domain or cross-connect, or is a BVI.</summary>
    internal bool IsInL3Mode => L2 is null || L2.IsBvi;

    /// <summary>True if IPv4 packets are for it.</summary>
    internal bool IsRouting => IsAdminUp && IsInL3Mode;

    /// <summary>The longest frame that it can send, tags included, in bytes.</summary>
    internal int MaxFrameBytes => Main.MaxMtu + EthernetHeader.Size + VlanTag.Size;

    /// <summary>The longest IPv4 packet that the interface sends, in bytes.</summary>
    public int Mtu { get; internal set; }

    /// <summary>The largest value that <see cref="Mtu"/> can take: what the port can carry behind an Ethernet header.</summary>
    public int MaxMtu { get; }

    /// <summary>More addresses that it receives for; it sends from none of them.</summary>
    public IReadOnlyList<MacAddress> SecondaryMacAddresses
    {
        get => [.. _secondaryMacBits.Select(bits => new MacAddress(bits))];
        internal set => Volatile.Write(ref _secondaryMacBits, [.. value.Select(address => address.Bits)]);
    }

    /// <summary>Whether somebody has asked for unicast frames to others, too.</summary>
    public bool IsPromiscuous { get; internal set; }

    /// <summary>Its addresses with their prefix lengths, in the order in which they were given. Changed as a whole, for workers read them.</summary>
    public IReadOnlyList<Ip4Prefix> Addresses
    {
        get => Volatile.Read(ref _addresses);
        internal set => Volatile.Write(ref _addresses, [.. value]);
    }

    /// <summary>Whether somebody has set the interface up. The worker reads it.</summary>
    public bool IsAdminUp
    {
        get => Volatile.Read(ref _isAdminUp);
        internal set => Volatile.Write(ref _isAdminUp, value);
    }

    /// <summary>The address it sends from and receives for. Kept as one word, so that the worker never reads half of a change.</summary>
    public MacAddress MacAddress
    {
        get => new(Volatile.Read(ref Main._macBits));
        internal set => Volatile.Write(ref _macBits, value.Bits);
    }

    /// <summary>The first of its addresses, 0.0.0.0 if it has none: where its ICMP errors come from. The worker reads it.</summary>
    internal Ip4Address PrimaryAddress => Volatile.Read(ref _addresses) is [var first, ..] ? first.Address : default;

    /// <summary>What it has counted since <see cref="InterfaceSet.ClearCounters"/>.</summary>
    public InterfaceCounters Counters => ReadCounters() - _cleared;

    /// <summary>What each worker counts about this interface; nobody else writes it.</summary>
    internal WorkerInterfaceCounters[] Workers { get; private set; } = [];

    internal static string SubInterfaceName(Interface parent, int id) => string.Create(CultureInfo.InvariantCulture, $"{parent.Name}.{id}");

    /// <summary>Whether frames to an address, given by its bits, are for this interface. The worker asks.</summary>
    internal bool HasMac(ulong bits) => bits == Volatile.Read(ref Main._macBits) || Volatile.Read(ref Main._secondaryMacBits).AsSpan().Contains(bits);

    /// <summary>Makes it ready to be counted for so many workers. Before a worker can find it.</summary>
    internal void CountFor(int workers) => Workers = [.. Enumerable.Range(0, workers).Select(_ => new WorkerInterfaceCounters())];

    /// <summary>The own address on the network that a host is on; null if it is on none of this interface's. The worker asks.</summary>
    internal Ip4Prefix? AddressOnNetworkOf(Ip4Address host)
    {
        foreach (Ip4Prefix address in Volatile.Read(ref _addresses))
        {
            if (address.ContainsHost(host))
            {
                return address;
            }
        }

        return null;
    }

    /// <summary>Whether an address is another's on a network that this interface, up or down, has an address of.</summary>
    internal bool HasHost(Ip4Address address) =>
        AddressOnNetworkOf(address) is not null && !Addresses.Any(own => own.Address == address);

    /// <summary>The own address to use towards a host: that of its network, else the first one; 0.0.0.0 if there is none.</summary>
    internal Ip4Address AddressTowards(Ip4Address host) => AddressOnNetworkOf(host)?.Address ?? PrimaryAddress;

    internal void ClearCounters() => _cleared = ReadCounters();

    public override string ToString() => Name;

    private InterfaceCounters ReadCounters()
    {
        InterfaceCounters sum = default;
        foreach (WorkerInterfaceCounters worker in Workers)
        {
            sum = sum with
            {
                RxPackets = sum.RxPackets + Volatile.Read(ref worker.RxPackets),
                RxBytes = sum.RxBytes + Volatile.Read(ref worker.RxBytes),
                TxPackets = sum.TxPackets + Volatile.Read(ref worker.TxPackets),
                TxBytes = sum.TxBytes + Volatile.Read(ref worker.TxBytes),
                Drops = sum.Drops + Volatile.Read(ref worker.Drops),
                Ip4 = sum.Ip4 + Volatile.Read(ref worker.Ip4),
                TxErrors = sum.TxErrors + Volatile.Read(ref worker.TxErrors),
            };
        }

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
