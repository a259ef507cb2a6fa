namespace Verbena.Emulator.Wires;

/// <summary>A wire on which frames are counted and vanish.</summary>
public sealed class SinkWire : Wire
{
    public SinkMeter Meter { get; } = new();

    public override bool HasCarrier => true;

    public override bool HasToLook => false;

    public override void Receive(FrameBatch frames)
    {
    }

    public override int Send(FrameBatch frames) => Meter.Count(frames);
}
