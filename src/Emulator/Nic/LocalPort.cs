using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A port of this process: one pass takes at most a batch from the wire, from senders and from Linux.</summary>
internal sealed class LocalPort : NicPort
{
    private const long RefreshNanoseconds = 100_000_000;

    /// <summary>A busy port asks Linux only each so many passes: it costs a system call, and frames wait there.</summary>
    private const int BusyPassesPerNetdev = 8;

    private readonly HostNetdev _netdev;
    private readonly TimeProvider _time;
    private Wire _wire;
    private Vport? _vport; // the wire, if it is a port of an embedded switch
    private readonly FlowTable _flows = new();
    private readonly Steering _steering;
    private readonly FrameBatch _fromWire = new();
    private readonly FrameInfo[] _parsedFromWire = new FrameInfo[FrameBatch.Capacity];
    private readonly FrameBatch _fromNetdev = new();
    private readonly FrameBatch _toWire = new();
    private ulong _wireErrors;
    private long _refreshed;
    private int _busyPasses;
    private int _steeredFromWire;   // how many of the batch are done
    private int _steeredFromNetdev;
    private bool _carrierAllowed = true;
    private bool _showsLink = true; // to the far end, as wires begin
    private bool _isMtuFresh; // asked for in this pass

    /// <summary>Makes the port: its netdev and its wire exist when this returns.</summary>
    /// <param name="options">Name, wire, address, speed.</param>
    /// <param name="cables">The panel that all ports of the process share.</param>
    /// <param name="time">The clock of wires.</param>
    /// <exception cref="InvalidOperationException">The netdev or the wire can't be made; the message says why and what helps.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "the other constructor takes it over")]
    public LocalPort(NicOptions options, PatchPanel cables, TimeProvider time)
        : this(options, cables, time, new TapNetdev(options))
    {
    }

    /// <summary>Makes the port with a netdev, which it takes over, and counters.</summary>
    public LocalPort(NicOptions options, PatchPanel cables, TimeProvider time, HostNetdev netdev, PortCounters? counters = null)
        : base(options, counters ?? new PortCounters())
    {
        _netdev = netdev;
        _time = time;
        try
        {
            var site = new WireSite(options.Name, cables, time, () => _flows.FirstUnicastMac, () => _flows.TakesUnicast, netdev, Counters, options.Behaviour);
            _wire = options.Wire.Open(site);
            _vport = _wire as Vport;
        }
        catch
        {
            netdev.Dispose();
            throw;
        }

        _steering = new Steering(_flows, netdev, Counters);
        UpdateLink();
    }

    /// <summary>A header and a tag beyond the MTU, also without a tag: Linux sets the port so, drivers/net/ethernet/mellanox/mlx5/core/en.h.</summary>
    private int MaxFrameBytes => _netdev.Mtu + EthernetHeader.Size + VlanTag.Size;

    public override Wire Wire => _wire;

    public override IEnumerable<int> PollDescriptors => [_wire.PollDescriptor, _netdev.PollDescriptor];

    public override bool HasToLook => _wire.HasToLook || _netdev.HasToLook;

    /// <summary>Stops steering before the next frame, until it is taken back; what has come waits.</summary>
    public bool IsPaused { get; set; }

    public override MacAddress MacAddress => _netdev.MacAddress;

    public override int Mtu => _netdev.Mtu;

    public override int SendRoom => Math.Min(FrameBatch.Capacity, _wire.SendRoom) - _toWire.Count;

    public override Vport? Vport => _vport;

    public override EmbeddedSwitch Virtualize()
    {
        using Lock.Scope scope = Gate.EnterCall();
        if (_vport is null)
        {
            _vport = new EmbeddedSwitch(_wire, _showsLink, _netdev, Counters, Options.Behaviour, _time).Physical;
            _wire = _vport;
        }

        return _vport.Switch;
    }

    public override void SetFunction(VportSettings settings)
    {
        using Lock.Scope scope = Gate.EnterCall();
        if (_vport is null or { IsPhysical: true })
        {
            throw new InvalidOperationException($"{Options.Name} is no virtual function");
        }

        if (settings.Mac != _vport.Settings.Mac)
        {
            _netdev.SetMacAddress(settings.Mac);
        }

        _vport.Settings = settings;
    }

    public override void SetCarrier(bool up)
    {
        using Lock.Scope scope = Gate.EnterCall();
        _carrierAllowed = up;
        UpdateLink();
    }

    public override FlowRule AddFlow(FlowParameters parameters)
    {
        using Lock.Scope scope = Gate.EnterCall();
        _vport?.Admit(parameters);
        FlowRule rule = _flows.Add(parameters);
        _vport?.HasCatchAll = _flows.TakesAllUnicast;
        return rule;
    }

    public override void RemoveFlow(FlowRule rule)
    {
        using Lock.Scope scope = Gate.EnterCall();
        _flows.Remove(rule);
        _vport?.HasCatchAll = _flows.TakesAllUnicast;
    }

    public override Span<byte> Reserve() => _toWire.Reserve();

    public override void Send(int lengthBytes, NicContext sender)
    {
        Counters.Add(PortCounter.QueueSent);
        if (GoesToWire(_toWire.Reserve()[..lengthBytes], sender))
        {
            _toWire.Commit(lengthBytes);
        }
    }

    public override bool Receive(long nowNanoseconds)
    {
        UpdateLink();
        _steering.Timestamp = DeviceClock.Ticks(nowNanoseconds);
        if (_steeredFromWire == _fromWire.Count)
        {
            TakeFromWire();
        }

        int first = _steeredFromWire;
        for (; _steeredFromWire < _fromWire.Count && !IsPaused; _steeredFromWire++)
        {
            if (Link.IsUp)
            {
                _steering.FromWire(_fromWire[_steeredFromWire], in _parsedFromWire[_steeredFromWire]);
            }
            else
            {
                Counters.Add(PortCounter.RxCarrierDown);
            }
        }

        return _steeredFromWire > first;
    }

    public override bool Finish(bool busy, long nowNanoseconds)
    {
        Flush();
        if (!busy || ++_busyPasses >= BusyPassesPerNetdev)
        {
            _busyPasses = 0;
            busy |= SendFromNetdev();
            Flush();
        }

        _steering.Flush();
        if (nowNanoseconds - _refreshed > RefreshNanoseconds)
        {
            _refreshed = nowNanoseconds;
            _wire.Refresh();
            _netdev.Refresh();
        }

        _isMtuFresh = false;
        return busy;
    }

    protected override void Dispose(bool disposing)
    {
        _wire.Dispose();
        _netdev.Dispose();
        _fromWire.Dispose();
        _fromNetdev.Dispose();
        _toWire.Dispose();
        _steering.ToNetdev.Dispose();
    }

    private void TakeFromWire()
    {
        _fromWire.Clear();
        _steeredFromWire = 0;
        _wire.Receive(_fromWire);
        for (int i = 0; i < _fromWire.Count; i++)
        {
            FrameInfo.Parse(_fromWire[i], out _parsedFromWire[i]); // all at once: the processor works on several at a time
        }

        ulong errors = _wire.ReceiveErrors;
        Counters.Add(PortCounter.RxWireError, errors - _wireErrors);
        Counters.Add(PortCounter.WireReceived, (ulong)_fromWire.Count + errors - _wireErrors);
        Counters.Add(PortCounter.WireReceivedBytes, (ulong)_fromWire.Bytes);
        _wireErrors = errors;
    }

    private void UpdateLink()
    {
        bool allowed = _carrierAllowed && (Options.Behaviour.Link == LinkDecision.Wire || _netdev.HasCarrier);
        if (allowed != _showsLink)
        {
            _showsLink = allowed;
            _wire.ShowLink(allowed); // also where the link stays: the far end is down already
        }

        var link = new LinkState(_wire.HasCarrier && allowed, (ulong)Options.SpeedGbps * 1_000_000_000);
        if (UpdateLink(link))
        {
            _netdev.ShowLink(link.IsUp);
        }
    }

    private bool SendFromNetdev()
    {
        if (_wire.SendRoom < FrameBatch.Capacity)
        {
            return false; // what Linux sends can't be put back
        }

        if (_steeredFromNetdev == _fromNetdev.Count)
        {
            TakeFromNetdev();
        }

        int first = _steeredFromNetdev;
        for (; _steeredFromNetdev < _fromNetdev.Count && !IsPaused; _steeredFromNetdev++)
        {
            Span<byte> frame = _fromNetdev[_steeredFromNetdev];
            if (GoesToWire(frame, null))
            {
                _toWire.Add(frame);
            }
        }

        return _steeredFromNetdev > first;
    }

    private void TakeFromNetdev()
    {
        _fromNetdev.Clear();
        _steeredFromNetdev = 0;
        _netdev.Receive(_fromNetdev);
        Counters.Add(PortCounter.NetdevSent, (ulong)_fromNetdev.Count);
    }

    /// <summary>Delivers a sent frame inside the port, and says whether it is for the wire, which must have carrier.</summary>
    private bool GoesToWire(ReadOnlySpan<byte> frame, NicContext? sender)
    {
        if (frame.Length > MaxFrameBytes && IsStillTooLong(frame.Length))
        {
            Counters.Add(PortCounter.TxOversize);
            return false;
        }

        if (_vport is not null && _vport.IsSpoofed(frame))
        {
            Counters.Add(PortCounter.TxSpoofed);
            return false;
        }

        if (!_steering.FromPort(frame, sender))
        {
            return false;
        }

        if (!Link.IsUp)
        {
            Counters.Add(PortCounter.TxCarrierDown);
        }

        return Link.IsUp;
    }

    /// <summary>Asks Linux again, once a pass: it may have raised the MTU since.</summary>
    private bool IsStillTooLong(int frameBytes)
    {
        if (!_isMtuFresh)
        {
            _isMtuFresh = true;
            _netdev.Refresh();
        }

        return frameBytes > MaxFrameBytes;
    }

    /// <summary>Sum of the lengths of the frames to send, from one on.</summary>
    private int BytesFrom(int first)
    {
        int sum = 0;
        for (int i = first; i < _toWire.Count; i++)
        {
            sum += _toWire[i].Length;
        }

        return sum;
    }

    private void Flush()
    {
        if (_toWire.Count == 0)
        {
            return;
        }

        int sent = _wire.Send(_toWire);
        Debug.Assert(sent <= _toWire.Count, "a wire sends what it was given");
        Counters.Add(PortCounter.WireSent, (ulong)sent);
        Counters.Add(PortCounter.WireError, (ulong)(_toWire.Count - sent));
        Counters.Add(PortCounter.WireSentBytes, (ulong)(_toWire.Bytes - BytesFrom(sent)));
        _toWire.Clear();
    }
}
