using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The port's netdev: a TAP interface, whose address, MTU and state are Linux's to change.</summary>
internal sealed class TapNetdev : HostNetdev
{
    private readonly TapDevice _tap;
    private short _flags;
    private int _mtu;
    private MacAddress _macAddress;

    /// <exception cref="InvalidOperationException">There can be no such TAP; the message says why and what helps.</exception>
    public TapNetdev(NicOptions options)
    {
        _tap = new TapDevice(options.Name);
        try
        {
            SetMacAddress(options.Address);
            _tap.Requests.SetMtu(options.Mtu);
            _tap.Requests.SetSpeed(options.SpeedGbps);
        }
        catch (InvalidOperationException)
        {
            _tap.Dispose();
            throw;
        }

        Refresh();
    }

    public override MacAddress MacAddress => _macAddress;

    public override int Mtu => _mtu;

    public override bool HasCarrier => (_flags & IfFlags.IFF_UP) != 0;

    public override bool IsPromiscuous => (_flags & IfFlags.IFF_PROMISC) != 0;

    public override int PollDescriptor => _tap.Descriptor;

    public override void SetMacAddress(MacAddress address)
    {
        _tap.Requests.SetMac(address);
        _macAddress = address;
    }

    public override void Receive(FrameBatch frames) => _tap.Receive(frames);

    public override int Send(FrameBatch frames) => _tap.Send(frames);

    public override void ShowLink(bool isUp) => _tap.SetCarrier(isUp);

    public override void Refresh()
    {
        _flags = _tap.Requests.Flags;
        _macAddress = _tap.Requests.Mac ?? _macAddress;
        int mtu = _tap.Requests.Mtu;
        _mtu = mtu == 0 ? _mtu : mtu; // an interface that has just been renamed keeps what it had
    }

    protected override void Dispose(bool disposing)
    {
        _tap.Dispose();
        base.Dispose(disposing);
    }
}
