using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>The switch inside a ConnectX, between its wire and its functions, as the kernel sets it up in legacy mode.</summary>
/// <remarks>
/// Linux, drivers/net/ethernet/mellanox/mlx5/core/esw/legacy.c. It learns nothing: a function gets what is for its netdev's
/// address, and groups. What a function sends to an address that no other has goes to the wire. What comes from the wire for
/// nobody goes to the physical function, whose flows may know more addresses, and to promiscuous functions.
/// The lock is for a queue that is destroyed while the NIC works: what it was told to send then goes out on the caller's thread.
/// </remarks>
internal sealed class EmbeddedSwitch : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly FrameBatch _fromUplink = new();
    private readonly FrameBatch _toUplink = new();
    private readonly byte[] _tagged = new byte[FrameBatch.MaxFrameBytes + VlanTag.Size];
    private readonly Vport _physical;
    private Vport[] _vports; // all that work; the physical function's is the first
    private volatile bool _uplinkAllowed;

    /// <summary>Puts a switch, with the physical function plugged in, before a wire, which it takes over.</summary>
    public EmbeddedSwitch(Wire uplink, bool uplinkAllowed, HostNetdev netdev, PortCounters counters, NicBehaviour behaviour, TimeProvider time)
    {
        Uplink = uplink;
        _uplinkAllowed = uplinkAllowed;
        _time = time;
        _physical = new Vport(this, netdev, counters, settings: null, behaviour);
        _vports = [_physical];
    }

    /// <summary>The wire.</summary>
    public Wire Uplink { get; }

    /// <summary>True if frames come and go by the wire.</summary>
    public bool UplinkIsUp => _uplinkAllowed && Uplink.HasCarrier;

    /// <summary>The port of the physical function; the switch goes with it.</summary>
    public Vport Physical => _physical;

    public SwitchCounters Counters { get; } = new();

    public Lock.Scope Enter() => _lock.EnterScope();

    /// <summary>Plugs a virtual function in.</summary>
    public Vport Add(HostNetdev netdev, PortCounters counters, VportSettings settings, NicBehaviour behaviour)
    {
        using Lock.Scope scope = Enter();
        var added = new Vport(this, netdev, counters, settings, behaviour);
        _vports = [.. _vports, added];
        return added;
    }

    /// <summary>Pulls a function out: it gets nothing any more.</summary>
    public void Remove(Vport vport)
    {
        using Lock.Scope scope = Enter();
        _vports = [.. _vports.Where(other => other != vport)];
    }

    /// <summary>The physical function goes, and with it the switch and the wire.</summary>
    public void Dispose()
    {
        using Lock.Scope scope = Enter();
        _vports = [];
        Uplink.Dispose();
        _fromUplink.Dispose();
        _toUplink.Dispose();
    }

    /// <summary>Pulls the cable, or plugs it in again.</summary>
    public void ShowUplink(bool isUp)
    {
        _uplinkAllowed = isUp;
        Uplink.ShowLink(isUp);
    }

    /// <summary>How many frames the function may send now: the wire has room for them, and none is above the function's rate.</summary>
    public int RoomFor(Vport sender)
    {
        using Lock.Scope scope = Enter();
        return sender.MaySend(Now()) ? Uplink.SendRoom : 0;
    }

    /// <summary>Forwards what a function sends; all is taken, and counted if it is lost.</summary>
    public int Send(FrameBatch frames, Vport sender)
    {
        using Lock.Scope scope = Enter();
        ulong now = Now();
        VportSettings settings = sender.Settings;
        for (int i = 0; i < frames.Count; i++)
        {
            sender.CountSent(frames[i].Length, now);
            Forward(settings.HasTag ? Tagged(frames[i], settings.TagControl) : frames[i], sender);
        }

        Counters.Add(SwitchCounter.VportSent, (ulong)frames.Count);
        Publish();
        FlushUplink();
        return frames.Count;
    }

    /// <summary>Forwards a batch from the wire, on behalf of the first function: the others have their pass after it.</summary>
    public void TakeFromUplink(Vport receiver)
    {
        using Lock.Scope scope = Enter();
        if (_vports is not [var first, ..] || receiver != first)
        {
            return;
        }

        _fromUplink.Clear();
        Uplink.Receive(_fromUplink);
        Counters.Add(SwitchCounter.UplinkReceived, (ulong)_fromUplink.Count);
        for (int i = 0; i < _fromUplink.Count; i++)
        {
            Forward(_fromUplink[i], sender: null);
        }

        Publish();
    }

    /// <param name="frame">With the tag that it is to have.</param>
    /// <param name="sender">The function that has sent it; null: it came from the wire.</param>
    private void Forward(ReadOnlySpan<byte> frame, Vport? sender)
    {
        int copies = frame.Length > FrameBatch.MaxFrameBytes ? Drop(SwitchCounter.UplinkError)
            : sender is null && !UplinkIsUp ? Hand(frame, _physical) // which has no carrier either, and counts it so
            : (frame[0] & 1) != 0 ? Flood(frame, sender)
            : Find(new MacAddress(frame[..6])) is { } owner ? Hand(frame, owner)
            : sender is null ? HandToPromiscuous(frame)
            : HandToUplink(frame);
        Counters.Add(SwitchCounter.Copies, (ulong)(copies - 1));
    }

    /// <summary>The function whose netdev has the address; of several that were given the same, the first.</summary>
    private Vport? Find(MacAddress address)
    {
        foreach (Vport vport in _vports)
        {
            if (vport.Address == address)
            {
                return vport;
            }
        }

        return null;
    }

    /// <summary>A group has copies on all ports but the sender's.</summary>
    private int Flood(ReadOnlySpan<byte> frame, Vport? sender)
    {
        int copies = sender is null ? 0 : HandToUplink(frame);
        foreach (Vport vport in _vports)
        {
            copies += vport == sender ? 0 : Hand(frame, vport);
        }

        return copies;
    }

    private int HandToPromiscuous(ReadOnlySpan<byte> frame)
    {
        int copies = Hand(frame, _physical);
        foreach (Vport vport in _vports)
        {
            copies += !vport.IsPhysical && vport.IsPromiscuous ? Hand(frame, vport) : 0;
        }

        return copies;
    }

    private int Hand(ReadOnlySpan<byte> frame, Vport vport)
    {
        Counters.Add(vport.Take(frame) ? SwitchCounter.VportReceived : SwitchCounter.VportFull);
        return 1;
    }

    private int Drop(SwitchCounter reason)
    {
        Counters.Add(reason);
        return 1;
    }

    private int HandToUplink(ReadOnlySpan<byte> frame)
    {
        if (!UplinkIsUp)
        {
            return Drop(SwitchCounter.UplinkDown);
        }

        if (!_toUplink.HasRoom)
        {
            FlushUplink();
        }

        _toUplink.Add(frame);
        return 1;
    }

    private void FlushUplink()
    {
        if (_toUplink.Count > 0)
        {
            int sent = Uplink.Send(_toUplink);
            Counters.Add(SwitchCounter.UplinkSent, (ulong)sent);
            Counters.Add(SwitchCounter.UplinkError, (ulong)(_toUplink.Count - sent));
            _toUplink.Clear();
        }
    }

    private void Publish()
    {
        foreach (Vport vport in _vports)
        {
            vport.Publish();
        }
    }

    private ReadOnlySpan<byte> Tagged(ReadOnlySpan<byte> frame, ushort tagControl) => _tagged.AsSpan(0, VstTag.Push(frame, tagControl, _tagged));

    private ulong Now() => (ulong)(_time.GetTimestamp() * (1_000_000_000 / _time.TimestampFrequency));
}
