using Verbena.Driver.Direct;
using Verbena.Driver.Objects;
using Verbena.Driver.Verbs;
using Verbena.Interop;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>A port of a ConnectX NIC, shared with Linux: it takes the frames to its own MAC address and copies of those to groups.</summary>
/// <remarks>It starts down, so that nothing arrives before its queues are polled.</remarks>
public sealed class RdmaPort : Port
{
    private const int MaxFrame = 9216; // VPP's longest Ethernet frame

    private readonly RdmaInterfaceOptions _options;
    private readonly HostInterface _host;
    private readonly DeviceContext _device;
    private readonly ObjectTree _tree = new();
    private readonly QueueMaker _maker;
    private readonly PortDescription _description;
    private readonly List<RdmaRxQueue> _rxQueues = [];
    private readonly List<RdmaTxQueue> _txQueues = [];
    private readonly List<WorkQueue> _workQueues = [];
    private readonly ProtectionDomain _domain;
    private readonly PortSteering _steering;
    private readonly int _maxTable;
    private ReceiveSideScaling _scaling;
    private LinkState _link;

    private RdmaPort(RdmaInterfaceOptions options, HostInterface host, BufferPool pool, int txQueues, MacAddress address)
    {
        _options = options;
        _host = host;
        try
        {
            _device = _tree.Own(DeviceContext.Open(host));
            _link = _device.QueryLink();
            ibv_device_attr_ex attributes = _device.Query();
            _maxTable = (int)attributes.rss_caps.max_rwq_indirection_table_size;
            if (options.RxQueues > _maxTable && _maxTable > 0)
            {
                throw new RdmaException($"num-rx-queues {options.RxQueues} is more than {options.HostInterface} can spread packets over: {_maxTable}");
            }

            _domain = _tree.Own(new ProtectionDomain(_device, options.Name));
            var region = _tree.Own(new MemoryRegion(_domain, pool.Memory, options.Name));
            _maker = MakerFor(options, host, _device, _tree, _domain, region, pool);
            _description = new PortDescription(options, host, in attributes, _maker.Describe());
            _tree.Own(new BufferReservation(options, pool, _maker.RxBuffers));

            // Send queues first: the NIC returns no broadcast to the port that sent it if they are older than the receive side.
            for (int i = 0; i < txQueues; i++)
            {
                _txQueues.Add(_maker.MakeTx($"transmit queue {i} of {options.Name}"));
            }

            for (int i = 0; i < options.RxQueues; i++)
            {
                _rxQueues.Add(_maker.MakeRx($"receive queue {i} of {options.Name}", out WorkQueue queue));
                _workQueues.Add(queue);
            }

            Rss = new RssSettings(RssSettings.DefaultKey, RssTableOver([.. Enumerable.Range(0, options.RxQueues)]));
            _scaling = new ReceiveSideScaling(_device, _domain, _workQueues, Rss, options);
            _steering = new PortSteering(_scaling, new SteeredFrames { Address = address }, options.Metadata.HasFlag(RxMetadata.FlowTag), options.Name);
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>What the NIC steers to the port now: another object after each change.</summary>
    public SteeredFrames Steered => _steering.Frames;

    public override string Name => _options.Name;

    public override string NicPort => _host.RdmaDevice; // which has one port, as mlx5's devices have

    public override MacAddress MacAddress => Steered.Address;

    public override MacAddress? HostMacAddress => _host.VirtualFunction is null ? _host.ReadMacAddress(DeviceContext.SysfsRoot()) : null;

    /// <summary>What is set so that the port will not work as one would think, and what helps: a sentence; null: nothing.</summary>
    public string? Warning => _host.VirtualFunction is { } function && !Steered.IsPromiscuous
        && _host.ReadMacAddress(DeviceContext.SysfsRoot()) is { } own && own != MacAddress
            ? function.OtherAddress(Name, MacAddress, own)
            : null;

    public override LinkState Link => _link;

    /// <summary>True once the NIC has said, or shown, that it does not work any more.</summary>
    internal bool HasFailed { get; private set; }

    public override int MaxFrameBytes => Math.Min(
        Math.Min(_maker.MaxFrameBytes, _options.MaxPacketLength ?? int.MaxValue),
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

        HostInterface host = HostInterface.Find(options.HostInterface, DeviceContext.SysfsRoot());
        return new RdmaPort(options, host, pool, txQueues, MacAddress.RandomLocal(random));
    }

    public override IReadOnlyList<string> Describe() => _description.Lines(this, _rxQueues, _txQueues);

    /// <summary>How packets are spread over the receive queues.</summary>
    public RssSettings Rss { get; private set; }

    /// <summary>What is hashed, in VPP's words: <c>ipv4-tcp ipv6-tcp</c>.</summary>
    public string RssFields => _description.RssFields;

    /// <summary>A table for <see cref="SetRss"/> that spreads packets evenly over some of the receive queues.</summary>
    public IReadOnlyList<int> RssTableOver(IReadOnlyList<int> queues) => RssSettings.TableOver(queues, _maxTable);

    /// <summary>
    /// Spreads packets otherwise from now on. None is lost meanwhile, and a flow whose queue stays the same stays in order. A
    /// refusal changes nothing.
    /// </summary>
    /// <exception cref="RdmaException">The key or the table is not allowed, or the NIC refuses.</exception>
    public void SetRss(RssSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Check(Name, _rxQueues.Count, _maxTable);
        var scaling = new ReceiveSideScaling(_device, _domain, _workQueues, settings, _options);
        try
        {
            _steering.Retarget(scaling);
        }
        catch
        {
            scaling.Dispose();
            throw;
        }

        _scaling.Dispose();
        (_scaling, Rss) = (scaling, settings);
    }

    public override void SetAdminUp(bool up) => Steer(Steered with { IsAdminUp = up });

    public override void SetMacAddress(MacAddress address)
    {
        if (address.IsZero)
        {
            throw new RdmaException($"{address} can't be the address of {Name}");
        }

        _steering.Change(Steered with { Address = address });
    }

    public override void SetSecondaryMacAddresses(IReadOnlyList<MacAddress> addresses) =>
        _steering.Change(Steered with { SecondaryAddresses = [.. addresses] });

    public override void SetAllMulticast(bool on) => _steering.Change(Steered with { IsAllMulticast = on });

    public override void SetPromiscuous(bool on) => Steer(Steered with { IsPromiscuous = on });

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

    private static QueueMaker MakerFor(
        RdmaInterfaceOptions options, HostInterface host, DeviceContext device, ObjectTree tree, ProtectionDomain domain, MemoryRegion region, BufferPool pool)
    {
        if (options.Mode != RdmaMode.Ibv)
        {
            mlx5dv_context capabilities = device.QueryDirect();
            if (DirectQueueMaker.IsSupported(capabilities))
            {
                // No frame is longer than Linux's interface allows, so that buffers are chained only where it has a larger MTU.
                int longest = Math.Min(options.MaxPacketLength ?? MaxFrame, host.Mtu is { } mtu ? mtu + EthernetHeader.Size + VlanTag.Size : MaxFrame);
                return new DirectQueueMaker(options, device, tree, domain, region, pool, longest, capabilities);
            }

            if (options.Mode == RdmaMode.Dv || options.Metadata != RxMetadata.None)
            {
                throw new RdmaException(
                    $"{options.HostInterface} can't do mode dv: its completions do not name their queue (CQE version 1), or libmlx5 does not drive it; "
                    + "use mode ibv, without metadata");
            }
        }

        return new VerbsQueueMaker(options, device, tree, domain, region, pool);
    }

    private void Steer(SteeredFrames frames)
    {
        try
        {
            _steering.Change(frames);
        }
        catch (VerbsException refusal) when (frames.IsPromiscuous && refusal.ErrorNumber == (int)Errno.EPERM && _host.VirtualFunction is { } function)
        {
            throw new RdmaException(function.NotTrusted(Name), refusal);
        }
    }

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
        HasFailed = true;
        _link = default;
        _txQueues.ForEach(queue => queue.SetGone());
    }

    // Buffers go back last: while a queue exists, the NIC may write to them.
    private void Release()
    {
        _steering?.Dispose();
        _scaling?.Dispose();
        _tree.Dispose();
        _rxQueues.ForEach(queue => queue.Dispose());
        _txQueues.ForEach(queue => queue.Dispose());
        _rxQueues.Clear();
        _txQueues.Clear();
    }
}
