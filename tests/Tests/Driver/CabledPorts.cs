using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;
using Verbena.Tests.Packets;

namespace Verbena.Tests.Driver;

/// <summary>Two emulated NICs with a cable between them, stepped by the test, and the buffers of the ports made on them.</summary>
/// <remarks>At the end the NICs must have nothing to complain of, programs' objects must be gone and all buffers be back.</remarks>
internal sealed class CabledPorts : IDisposable
{
    private const int PoolSize = 4428; // 256 bytes less than five huge pages, so that the last buffer ends where the memory does

    private const int MaxTurns = 100_000; // more than any test needs: what never rests shall fail, not hang

    private static readonly Random s_random = new(1);
    private readonly List<RdmaPort> _ports = [];

    private readonly Func<RdmaInterfaceOptions, RdmaInterfaceOptions> _form;

    /// <param name="form">What all ports are like unless a test says otherwise.</param>
    /// <param name="behaviour">What both NICs are like.</param>
    /// <param name="model">Which adapters they are.</param>
    /// <param name="mtu">Of both Linux interfaces.</param>
    /// <param name="virtualFunctions">How many the near one has.</param>
    /// <param name="time">The clock of both.</param>
    public CabledPorts(
        Func<RdmaInterfaceOptions, RdmaInterfaceOptions>? form = null, NicBehaviour? behaviour = null, NicModel? model = null, int mtu = 1500,
        int virtualFunctions = 0, TimeProvider? time = null)
    {
        _form = form ?? (options => options);

        string suffix = Guid.NewGuid().ToString("N")[..8];
        (NearName, FarName) = ($"near{suffix}", $"far{suffix}");
        Nics = EmulatedNics.Attach(
            [Nic(NearName) with { Wire = new CableOptions(FarName), VirtualFunctions = virtualFunctions }, Nic(FarName)],
            NullLogger.Instance, stepped: true, time);
        for (int step = 0; !Nics.Devices.Values.All(nic => nic.Link.IsUp); step++)
        {
            Assert.True(step < 10_000, "the cable brings both links up");
            Nics.Step();
        }

        NicOptions Nic(string name) => new(name) { Mtu = mtu, Behaviour = behaviour ?? new NicBehaviour(), Model = model ?? NicModel.ConnectX5Ex };
    }

    public string NearName { get; }

    public string FarName { get; }

    public EmulatedNics Nics { get; }

    public BufferPool Pool { get; } = new(PoolSize);

    public static RdmaInterfaceOptions Options(string host) => new() { HostInterface = host, Name = $"rdma-{host}", RxQueueSize = 256, TxQueueSize = 256 };

    /// <summary>Makes a port that is up.</summary>
    public RdmaPort Open(string host, Func<RdmaInterfaceOptions, RdmaInterfaceOptions>? change = null)
    {
        RdmaInterfaceOptions options = _form(Options(host));
        var port = RdmaPort.Create(change is null ? options : change(options), Pool, txQueues: 1, s_random);
        _ports.Add(port);
        port.SetAdminUp(true);
        foreach (RxQueue queue in port.RxQueues)
        {
            Assert.Equal(0, queue.Receive(new BufferIndex[1])); // gives the NIC its first buffers
        }

        return port;
    }

    /// <summary>Sends copies of frames, all of which must fit into the queue.</summary>
    public void Send(RdmaPort port, params byte[][] frames)
    {
        var buffers = new BufferIndex[frames.Length];
        Assert.Equal(frames.Length, Pool.Take(buffers));
        for (int i = 0; i < frames.Length; i++)
        {
            Pool.SetChain(buffers[i], frames[i]);
        }

        Assert.Equal(frames.Length, port.TxQueues[0].Send(buffers));
        Run();
        port.TxQueues[0].Reclaim();
    }

    /// <summary>Takes what has arrived on all queues, in order within each.</summary>
    public List<byte[]> Receive(RdmaPort port) => [.. port.RxQueues.SelectMany(Receive)];

    public List<byte[]> Receive(RxQueue queue)
    {
        var frames = new List<byte[]>();
        var buffers = new BufferIndex[256];
        int turns = 0;
        for (int count; (count = queue.Receive(buffers)) > 0;)
        {
            Assert.True(++turns < MaxTurns, $"a queue runs empty, but after {turns} turns and {frames.Count} frames this one has more");
            foreach (BufferIndex buffer in buffers.AsSpan(0, count))
            {
                byte[] frame = new byte[Pool.PacketBytes(buffer)];
                Pool.CopyTo(buffer, 0, frame);
                frames.Add(frame);
            }

            Pool.ReturnPackets(buffers.AsSpan(0, count));
        }

        return frames;
    }

    /// <summary>Takes the buffer with the highest address.</summary>
    public BufferIndex TakeLastOfPool()
    {
        var all = new BufferIndex[Pool.FreeCount];
        Pool.Take(all);
        BufferIndex last = all.MaxBy(buffer => buffer.Value);
        Pool.Return([.. all.Where(buffer => buffer != last)]);
        Assert.Equal((uint)Pool.Count - 1, last.Value);
        return last;
    }

    /// <summary>Steps the NICs until they have nothing left to do.</summary>
    public void Run()
    {
        int steps = 0;
        while (Nics.Step())
        {
            Assert.True(++steps < MaxTurns, $"NICs come to rest, but after {steps} steps these have more to do");
        }
    }

    /// <summary>A frame with a payload that identifies it.</summary>
    public static byte[] Frame(MacAddress destination, int id = 0, int length = 64, ushort etherType = 0x88B5)
    {
        byte[] frame = new byte[length];
        destination.CopyTo(frame);
        new MacAddress(0x02_0000_00AAAA).CopyTo(frame.AsSpan(6));
        (frame[12], frame[13]) = ((byte)(etherType >> 8), (byte)etherType);
        BitConverter.TryWriteBytes(frame.AsSpan(14), id);
        return frame;
    }

    public void Dispose()
    {
        _ports.ForEach(port => port.Dispose());
        int free = Pool.FreeCount;
        string objects = string.Join(", ", Nics.LiveObjects);
        string[] violations = [.. Nics.Devices.Values.SelectMany(nic => nic.Conformance.Violations)];
        Nics.Dispose();
        Pool.Dispose();
        Assert.Equal("", objects);
        Assert.Empty(violations);
        Assert.Equal(PoolSize, free);
    }
}
