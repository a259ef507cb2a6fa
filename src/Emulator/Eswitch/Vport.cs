using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>The port of a function on the embedded switch: the function's wire, with what the host has set for it.</summary>
/// <remarks>
/// Linux, drivers/net/ethernet/mellanox/mlx5/core/esw/acl: what a virtual function sends passes the ingress list (spoof
/// check, tag on), what it receives the egress list (its VLAN only, tag off). The physical function, the switch's manager,
/// has neither.
/// </remarks>
internal sealed class Vport : Wire
{
    private readonly FramePipe _pipe = new(); // written by the switch
    private readonly HostNetdev _netdev;
    private readonly PortCounters _counters;
    private readonly NicBehaviour _behaviour;
    private VportSettings _settings;
    private SendPace _pace;
    private volatile bool _hasCatchAll;

    /// <param name="eswitch">Where it is plugged in; makes it.</param>
    /// <param name="netdev">The function's; its address is what the switch knows it by.</param>
    /// <param name="counters">The function's.</param>
    /// <param name="settings">Null: it is the physical function's.</param>
    /// <param name="behaviour">What the NIC does one way or another.</param>
    public Vport(EmbeddedSwitch eswitch, HostNetdev netdev, PortCounters counters, VportSettings? settings, NicBehaviour behaviour)
    {
        Switch = eswitch;
        IsPhysical = settings is null;
        _netdev = netdev;
        _counters = counters;
        _behaviour = behaviour;
        _settings = settings ?? new VportSettings(netdev.MacAddress) { IsTrusted = true };
    }

    public EmbeddedSwitch Switch { get; }

    public bool IsPhysical { get; }

    /// <summary>Set by the host at any time; acts on the next frame.</summary>
    public VportSettings Settings
    {
        get => Volatile.Read(ref _settings);
        set
        {
            using Lock.Scope scope = Switch.Enter();
            _pace.Set((uint)value.MaxTxRate * 1000);
            Volatile.Write(ref _settings, value);
        }
    }

    /// <summary>The address by which frames find the function: its netdev's.</summary>
    public MacAddress Address => _netdev.MacAddress;

    /// <summary>True if a flow of the function takes all unicast.</summary>
    public bool HasCatchAll { set => _hasCatchAll = value; }

    /// <summary>True if it gets what comes from the wire for nobody (eswitch.c, esw_update_vport_rx_mode).</summary>
    public bool IsPromiscuous => Settings.IsTrusted && (_netdev.IsPromiscuous || (_hasCatchAll && _behaviour.VfPromiscuity == VfPromiscuity.Flow));

    public override bool HasCarrier => Settings.LinkState switch
    {
        VportLinkState.Enable => true,
        VportLinkState.Disable => false,
        _ => IsPhysical ? Switch.Uplink.HasCarrier : Switch.UplinkIsUp,
    };

    public override int PollDescriptor => IsPhysical ? Switch.Uplink.PollDescriptor : -1;

    /// <summary>What others send they send in a pass of the same thread, after which this function gets its own.</summary>
    public override bool HasToLook => IsPhysical && Switch.Uplink.HasToLook;

    public override ulong ReceiveErrors => IsPhysical ? Switch.Uplink.ReceiveErrors : 0;

    public override int SendRoom => Switch.RoomFor(this);

    /// <exception cref="NicException">EPERM: the flow would make the function promiscuous, and it is not trusted.</exception>
    public void Admit(FlowParameters flow)
    {
        if (!Settings.IsTrusted && _behaviour.VfPromiscuity == VfPromiscuity.Flow && flow.TakesAllUnicast)
        {
            throw NicException.NotPermitted("the virtual function is not trusted, and may not take all frames");
        }
    }

    /// <summary>Spoof checking: what comes from another address than the function was given is dropped.</summary>
    public bool IsSpoofed(ReadOnlySpan<byte> frame) => Settings is { SpoofCheck: true, Mac: var mac } && new MacAddress(frame.Slice(6, 6)) != mac;

    public override int Send(FrameBatch frames) => Switch.Send(frames, this);

    /// <summary>True if a frame may go now. Inside the switch's lock, as the next two.</summary>
    public bool MaySend(ulong nowNanoseconds) => _pace.Allows(isWaiting: true, nowNanoseconds);

    public void CountSent(int bytes, ulong nowNanoseconds) => _pace.Count(bytes, nowNanoseconds);

    /// <summary>Hands the function a frame; false: it has no room.</summary>
    public bool Take(ReadOnlySpan<byte> frame) => _pipe.Writer.TryWrite(frame, new FrameHeader { Length = frame.Length });

    /// <summary>Lets the function see what it was handed.</summary>
    public void Publish() => _pipe.Writer.Publish();

    /// <summary>The function has failed, and takes nothing any more.</summary>
    public void Unplug() => Switch.Remove(this);

    public override void Receive(FrameBatch frames)
    {
        Switch.TakeFromUplink(this);
        VportSettings settings = Settings;
        while (frames.HasRoom && _pipe.Reader.TryPeek(out FrameHeader header, out ReadOnlySpan<byte> frame))
        {
            if (settings.HasTag)
            {
                Untag(frame, settings.Vlan, frames);
            }
            else
            {
                frames.Add(frame);
            }

            _pipe.Reader.Advance(header.Length);
        }

        _pipe.Reader.Release();
    }

    public override void ShowLink(bool isUp)
    {
        if (IsPhysical)
        {
            Switch.ShowUplink(isUp);
        }
    }

    public override void Refresh()
    {
        if (IsPhysical)
        {
            Switch.Uplink.Refresh();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (IsPhysical)
        {
            Switch.Dispose();
        }
        else
        {
            Unplug();
        }

        base.Dispose(disposing);
    }

    private void Untag(ReadOnlySpan<byte> frame, ushort vlan, FrameBatch frames)
    {
        if (VstTag.IsIn(frame, vlan))
        {
            frames.Commit(VstTag.Pop(frame, frames.Reserve()));
        }
        else
        {
            _counters.Add(PortCounter.WireReceived);
            _counters.Add(PortCounter.RxOtherVlan);
        }
    }
}
