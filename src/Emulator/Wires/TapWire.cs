using Verbena.Interop;

namespace Verbena.Emulator.Wires;

/// <summary>A TAP interface as the far end: what Linux sends through it arrives at the port.</summary>
/// <remarks>It is set up at once, so that the port has carrier; a user may set it down.</remarks>
internal sealed class TapWire : Wire
{
    private readonly TapDevice _tap;
    private bool _isUp;

    public TapWire(string name)
    {
        _tap = new TapDevice(name);
        _tap.Requests.SetUp();
        Refresh();
    }

    public override bool HasCarrier => _isUp;

    public override int PollDescriptor => _tap.Descriptor;

    public override void Receive(FrameBatch frames) => _tap.Receive(frames);

    public override int Send(FrameBatch frames) => _tap.Send(frames);

    public override void ShowLink(bool isUp) => _tap.SetCarrier(isUp);

    public override void Refresh() => _isUp = (_tap.Requests.Flags & IfFlags.IFF_UP) != 0;

    protected override void Dispose(bool disposing)
    {
        _tap.Dispose();
        base.Dispose(disposing);
    }
}
