using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>A netdev whose Linux is the test: it reads what the port hands up, and gives it frames to send.</summary>
internal sealed class MemoryNetdev : HostNetdev
{
    private MacAddress _macAddress = MacAddress.Parse("02:00:00:00:00:aa");

    public Queue<byte[]> Sent { get; } = new();

    public List<byte[]> Received { get; } = [];

    public bool IsUp { get; set; } = true;

    public int MtuBytes { get; set; } = 1500;

    /// <summary>How often the port has asked Linux for what may have changed.</summary>
    public int Refreshes { get; private set; }

    public override MacAddress MacAddress => _macAddress;

    public override int Mtu => MtuBytes;

    public override bool HasCarrier => IsUp;

    public override void SetMacAddress(MacAddress address) => _macAddress = address;

    public override void Refresh() => Refreshes++;

    public override void Receive(FrameBatch frames)
    {
        while (frames.HasRoom && Sent.TryDequeue(out byte[]? frame))
        {
            frames.Add(frame);
        }
    }

    public override int Send(FrameBatch frames)
    {
        for (int i = 0; i < frames.Count; i++)
        {
            Received.Add(frames[i].ToArray());
        }

        return frames.Count;
    }
}
