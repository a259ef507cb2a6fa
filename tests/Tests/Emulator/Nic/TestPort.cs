using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Two ports with a cable between them, stepped by the test; the far one hands all frames to its netdev.</summary>
internal sealed class TestPort : IDisposable
{
    private readonly NicDevice _far;

    public TestPort(WireOptions? wire = null, NicBehaviour? behaviour = null, NicModel? model = null)
    {
        PatchPanel cables = new();
        NicOptions options = new("near")
        {
            Wire = wire ?? new CableOptions("far"),
            Behaviour = behaviour ?? new NicBehaviour(),
            Model = model ?? NicModel.ConnectX5Ex,
        };
        Nic = new NicDevice(new LocalPort(options, cables, Time, Netdev), NullLogger.Instance, Time);
        _far = new NicDevice(new LocalPort(new NicOptions("far"), cables, Time, Far), NullLogger.Instance, Time);
    }

    public NicDevice Nic { get; }

    public ManualTime Time { get; } = new();

    public MemoryNetdev Netdev { get; } = new();

    /// <summary>The remote host: what it sends goes on the wire, what it has received came from there.</summary>
    public MemoryNetdev Far { get; } = new();

    public ulong this[PortCounter counter] => Nic.Counters[counter];

    /// <summary>Puts frames on the wire, and lets both ports rest.</summary>
    public void FromWire(params IEnumerable<byte[]> frames)
    {
        foreach (byte[] frame in frames)
        {
            Far.Sent.Enqueue(frame);
        }

        Run();
    }

    /// <summary>Steps until neither port has anything to do.</summary>
    public void Run()
    {
        bool busy = true;
        for (int i = 0; i < 100_000 && busy; i++)
        {
            busy = Nic.Step() | _far.Step();
        }

        Assert.False(busy, "the ports come to rest");
    }

    public void Dispose()
    {
        AssertEveryFrameIsAccountedFor();
        Nic.Dispose();
        _far.Dispose();
    }

    private void AssertEveryFrameIsAccountedFor()
    {
        ulong given = this[PortCounter.WireReceived] + this[PortCounter.NetdevSent] + this[PortCounter.QueueSent] + this[PortCounter.Copies];
        ulong taken = this[PortCounter.QueueReceived] + this[PortCounter.NetdevReceived] + this[PortCounter.WireSent] + Nic.Counters.Dropped;
        Assert.Equal(given, taken);
    }

    /// <summary>A frame of 64 bytes or more, filled with its own identity.</summary>
    public static byte[] Frame(string destination, ushort type = EtherType.Arp, byte identity = 0, int length = 64)
    {
        byte[] frame = new byte[length];
        Array.Fill(frame, identity);
        MacAddress.Parse(destination).CopyTo(frame);
        MacAddress.Parse("02:00:00:00:00:99").CopyTo(frame.AsSpan(6));
        frame[12] = (byte)(type >> 8);
        frame[13] = (byte)type;
        return frame;
    }
}
