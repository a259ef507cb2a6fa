using System.Runtime.InteropServices;
using Verbena.Driver.Objects;
using Verbena.Driver.Verbs;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>A port of a ConnectX NIC, shared with Linux: it takes the frames to its own MAC address and copies of those to groups.</summary>
/// <remarks>It starts down, so that nothing arrives before its queues are polled.</remarks>
public sealed class RdmaPort : Port
{
    private readonly RdmaInterfaceOptions _options;
    private readonly HostInterface _host;
    private readonly DeviceContext _device;
    private readonly string _firmware;
    private readonly Stack<IDisposable> _owned = new(); // made later, destroyed sooner
    private readonly List<VerbsRxQueue> _rxQueues = [];
    private readonly List<VerbsTxQueue> _txQueues = [];
    private readonly RssQueuePair _rss4;
    private readonly RssQueuePair _rss6;
    private readonly SteeringRule[] _multicast;
    private SteeringRule[] _unicast;
    private MacAddress _macAddress;
    private LinkState _link;
    private bool _adminUp;
    private bool _fatal;

    private RdmaPort(RdmaInterfaceOptions options, HostInterface host, BufferPool pool, int txQueues, MacAddress address)
    {
        _options = options;
        _host = host;
        _macAddress = address;
        try
        {
            _device = Own(DeviceContext.Open(host));
            _link = _device.QueryLink();
            ibv_device_attr_ex attributes = _device.Query();
            _firmware = FirmwareOf(attributes);

            var domain = Own(new ProtectionDomain(_device, options.Name));
            var region = Own(new MemoryRegion(domain, pool.Memory, options.Name));

            // Send queues first: the NIC returns no broadcast to the port that sent it if they are older than the receive side.
            for (int i = 0; i < txQueues; i++)
            {
                AddTxQueue(domain, region, pool);
            }

            var workQueues = new List<WorkQueue>();
            for (int i = 0; i < options.RxQueues; i++)
            {
                workQueues.Add(AddRxQueue(domain, region, pool));
            }

            int maxTable = (int)attributes.rss_caps.max_rwq_indirection_table_size;
            var table = Own(new IndirectionTable(_device, workQueues, maxTable, options.Name));
            _rss4 = Own(new RssQueuePair(_device, domain, table, RssQueuePair.Fields(options.Rss4), options.Name));
            _rss6 = Own(new RssQueuePair(_device, domain, table, RssQueuePair.Fields(options.Rss6), options.Name));

            // Of overlapping rules of equal priority the NIC prefers the kind that was made first, so IPv6's come first.
            _multicast =
            [
                Own(SteeringRule.Multicast(_rss6, EtherType.Ip6, options.Name)),
                Own(SteeringRule.Multicast(_rss4, etherType: null, options.Name)),
            ];
            _unicast = UnicastRules(address);
        }
        catch
        {
            Release();
            throw;
        }
    }

    public override string Name => _options.Name;

    public override MacAddress MacAddress => _macAddress;

    public override LinkState Link => _link;

    public override int MaxFrameBytes => Math.Min(
        Math.Min(BufferPool.DataBytes, _options.MaxPacketLength ?? int.MaxValue),
        _host.Mtu is { } mtu ? mtu + EthernetHeader.Size : int.MaxValue);

    public override IReadOnlyList<RxQueue> RxQueues => _rxQueues;

    public override IReadOnlyList<TxQueue> TxQueues => _txQueues;

    /// <summary>Opens the NIC behind a network interface and makes a port of it, with a MAC address of its own.</summary>
    /// <param name="options">What it is to be like; <see cref="RdmaInterfaceOptions.Validate"/> says what is allowed.</param>
    /// <param name="pool">The buffers to receive into and to send, registered with the NIC as a whole. Must outlive the port.</param>
    /// <param name="txQueues">Transmit queues: one for each worker that sends.</param>
    /// <param name="random">Where the MAC address comes from.</param>
    /// <exception cref="RdmaException">The options are not allowed, or the port can't be had. Nothing is left behind.</exception>
    public static RdmaPort Create(RdmaInterfaceOptions options, BufferPool pool, int txQueues, Random random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(txQueues);
        if (options.Validate() is { } wrong)
        {
            throw new RdmaException(wrong);
        }

        if (options.Mode == RdmaMode.Dv)
        {
            throw new RdmaException("mode dv (Direct Verbs) is not there yet: use mode ibv or auto");
        }

        if ((long)options.RxQueues * options.RxQueueSize > pool.Count)
        {
            throw new RdmaException(
                $"{options.RxQueues} receive queues of {options.RxQueueSize} want more than all {pool.Count} buffers: use fewer or smaller queues");
        }

        HostInterface host = HostInterface.Find(options.HostInterface, DeviceContext.SysfsRoot());
        return new RdmaPort(options, host, pool, txQueues, MacAddress.RandomLocal(random));
    }

    public override IReadOnlyList<string> Describe() =>
    [
        $"netdev {_host.Name} pci-addr {_host.PciAddress}",
        $"rdma device: {_host.RdmaDevice} pci-id {_host.PciId} firmware {_firmware}",
        $"mode: ibv",
        $"rx queues: {_rxQueues.Count} of {_options.RxQueueSize}, tx queues: {_txQueues.Count} of {_options.TxQueueSize}",
        $"flags:{(_fatal ? " error" : "")}{(_adminUp ? " admin-up" : "")}{(_link.IsUp ? " link-up" : "")}",
        $"rss: {Word(_options.Rss4)} {Word(_options.Rss6)}",
        .. Troubles(),
    ];

    public override void SetAdminUp(bool up)
    {
        if (up == _adminUp)
        {
            return;
        }

        SteeringRule[] rules = [_multicast[0], _multicast[1], _unicast[0], _unicast[1]];
        SteeringRule.Change(add: up ? rules : [], remove: up ? [] : rules);
        _adminUp = up;
    }

    public override void SetMacAddress(MacAddress address)
    {
        if (address.IsMulticast || address.IsZero)
        {
            throw new RdmaException($"{address} can't be the address of {Name}: it must be a unicast address");
        }

        SteeringRule[] rules = UnicastRules(address);
        if (_adminUp)
        {
            SteeringRule.Change(add: rules, remove: _unicast);
        }

        _unicast = rules;
        _macAddress = address;
    }

    public override void ReadEvents()
    {
        while (_device.TryReadEvent(out ibv_event_type type))
        {
            switch (type)
            {
                case ibv_event_type.IBV_EVENT_PORT_ACTIVE or ibv_event_type.IBV_EVENT_PORT_ERR:
                    UpdateLink();
                    break;
                case ibv_event_type.IBV_EVENT_DEVICE_FATAL or ibv_event_type.IBV_EVENT_CQ_ERR:
                    SetFatal();
                    break;
            }
        }
    }

    protected override void Dispose(bool disposing) => Release();

    private void AddTxQueue(ProtectionDomain domain, MemoryRegion region, BufferPool pool)
    {
        string subject = $"transmit queue {_txQueues.Count} of {Name}";
        var completions = Own(new CompletionQueue(_device, _options.TxQueueSize, subject));
        var queue = Own(new SendQueue(domain, completions, _options.TxQueueSize, subject));
        queue.Start();
        _txQueues.Add(new VerbsTxQueue(queue, completions, region, pool, _options.TxQueueSize));
    }

    private WorkQueue AddRxQueue(ProtectionDomain domain, MemoryRegion region, BufferPool pool)
    {
        string subject = $"receive queue {_rxQueues.Count} of {Name}";
        var completions = Own(new CompletionQueue(_device, _options.RxQueueSize, subject));
        var queue = Own(new WorkQueue(_device, domain, completions, _options.RxQueueSize, subject));
        queue.Start();
        _rxQueues.Add(new VerbsRxQueue(queue, completions, region, pool, _options.RxQueueSize));
        return queue;
    }

    private SteeringRule[] UnicastRules(MacAddress address) =>
    [
        SteeringRule.Unicast(_rss6, address, EtherType.Ip6, Name),
        SteeringRule.Unicast(_rss4, address, etherType: null, Name),
    ];

    private void UpdateLink()
    {
        try
        {
            _link = _device.QueryLink();
        }
        catch (VerbsException)
        {
            SetFatal(); // a NIC that does not even tell its state is gone
        }
    }

    private void SetFatal()
    {
        _fatal = true;
        _link = default;
    }

    private T Own<T>(T made)
        where T : IDisposable
    {
        _owned.Push(made);
        return made;
    }

    // Buffers go back last: while a queue exists, the NIC may write to them.
    private void Release()
    {
        foreach (SteeringRule rule in _unicast ?? [])
        {
            rule.Dispose();
        }

        while (_owned.TryPop(out IDisposable? owned))
        {
            owned.Dispose();
        }

        _rxQueues.ForEach(queue => queue.Dispose());
        _txQueues.ForEach(queue => queue.Dispose());
        _rxQueues.Clear();
        _txQueues.Clear();
        _unicast = [];
    }

    private IEnumerable<string> Troubles()
    {
        if (_fatal)
        {
            yield return "error the NIC has failed: delete the interface and create it again";
        }

        for (int i = 0; i < _rxQueues.Count; i++)
        {
            if (_rxQueues[i].RestartError is var errno and not 0)
            {
                yield return $"error {new VerbsException("ibv_modify_wq", errno, $"receive queue {i}").Message}";
            }
        }

        for (int i = 0; i < _txQueues.Count; i++)
        {
            if (_txQueues[i].RestartError is var errno and not 0)
            {
                yield return $"error {new VerbsException("ibv_modify_qp", errno, $"transmit queue {i}").Message}";
            }
        }
    }

    private static unsafe string FirmwareOf(in ibv_device_attr_ex attributes)
    {
        fixed (byte* version = attributes.orig_attr.fw_ver)
        {
            return Marshal.PtrToStringUTF8((nint)version) ?? "";
        }
    }

    private static string Word(Rss4 rss) => rss switch { Rss4.Ipv4Tcp => "ipv4-tcp", Rss4.Ipv4Udp => "ipv4-udp", _ => "ipv4" };

    private static string Word(Rss6 rss) => rss switch { Rss6.Ipv6Tcp => "ipv6-tcp", Rss6.Ipv6Udp => "ipv6-udp", _ => "ipv6" };
}
