using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>What an idle interface costs in each receive mode, thread by thread, and how long a ping that comes now and then takes.</summary>
/// <remarks>The emulated NIC's own thread rests and wakes, too, which is part of each round trip and stands in a line of its own.</remarks>
internal static class RxModeBenchmark
{
    private const int Pings = 500;

    public static void Run(TimeSpan idle)
    {
        Run(idle, awake: false);
        Run(idle, awake: true);
    }

    private static void Run(TimeSpan idle, bool awake)
    {
        (NicOptions near, NicOptions far) = (new NicOptions("near") { Wire = new CableOptions("far") }, new NicOptions("far"));
        using EmulatedNics nics = EmulatedNics.Attach(awake ? [near, far, Busy()] : [near, far], NullLogger.Instance);
        using BufferPool buffers = new(8192);
        using Router router = new(buffers);
        using RdmaPort port = RdmaPort.Create(new RdmaInterfaceOptions { Name = "near", HostInterface = "near" }, buffers, txQueues: 1, new Random(1));
        using BufferPool peerBuffers = new(4096);
        using RdmaPort peer = RdmaPort.Create(
            new RdmaInterfaceOptions { Name = "far", HostInterface = "far", RxQueues = 1 }, peerBuffers, txQueues: 1, new Random(2));
        Interface item = Connect(router, port, peer);
        using (new ControlThread(() => DoChores(router), core: null))
        using (new WorkerThread(router.Workers[0], core: null))
        {
            Console.WriteLine($"Receive modes: an interface that idles for {idle.TotalSeconds:F0} s, and {Pings} pings, one after a rest each{(awake ? "; the emulated NIC does not rest" : "")}:");
            foreach (RxMode mode in (RxMode[])[RxMode.Polling, RxMode.Interrupt, RxMode.Adaptive, RxMode.Polling, RxMode.Interrupt])
            {
                router.SetRxMode(item, queue: null, mode);
                _ = Ping(peer, peerBuffers, port.MacAddress, Pings / 5); // code is compiled
                string cost = IdleCost(idle);
                double[] times = Ping(peer, peerBuffers, port.MacAddress, Pings);
                Console.WriteLine($"  {mode,-9}: ping median {times[times.Length / 2]:F0} us, 99 % {times[times.Length * 99 / 100]:F0} us; idle: {cost}");
            }
        }

        router.Interfaces.Remove(item);
        Console.WriteLine();
    }

    /// <summary>A port whose wire brings frames for nobody all the time, so that the thread of the NICs stays awake, as hardware is.</summary>
    private static NicOptions Busy() => NicOptions.TryParse("busy,wire=generator:rate=20000:dst-mac=0200.0000.0001", out NicOptions? busy, out string error)
        ? busy
        : throw new InvalidOperationException(error);

    private static int DoChores(Router router)
    {
        router.Maintain(WorkerThread.Now());
        return router.AllWorkersSleep ? 10 : 1;
    }

    private static Interface Connect(Router router, RdmaPort port, RdmaPort peer)
    {
        Interface item = router.Interfaces.Add(port);
        router.Ip4.AddAddress(item, Ip4Prefix.TryParse("10.0.0.1/24", out Ip4Prefix prefix) ? prefix : default);
        router.Interfaces.SetAdminUp(item, true);
        router.Ip4.AddNeighbor(item, Ip4Address.Parse("10.0.0.2"), peer.MacAddress);
        _ = peer.RxQueues[0].Receive(new BufferIndex[1]);
        peer.SetAdminUp(true);
        return item;
    }

    /// <summary>Processor time of each thread that had some, in per cent of one processor.</summary>
    private static string IdleCost(TimeSpan time)
    {
        Dictionary<string, double> before = ReadThreads();
        Thread.Sleep(time);
        return string.Join(", ", ReadThreads()
            .Select(thread => (Name: thread.Key.Split('/')[1], Percent: (thread.Value - before.GetValueOrDefault(thread.Key)) / time.TotalMicroseconds * 100))
            .Where(thread => thread.Percent >= 0.05)
            .OrderByDescending(thread => thread.Percent)
            .Select(thread => string.Create(CultureInfo.InvariantCulture, $"{thread.Name} {thread.Percent:F1} %")));
    }

    /// <summary>The microseconds of each thread so far, from schedstat, which counts nanoseconds.</summary>
    private static Dictionary<string, double> ReadThreads() => Directory.EnumerateDirectories("/proc/self/task").ToDictionary(
        task => $"{Path.GetFileName(task)}/{File.ReadAllText($"{task}/comm").Trim()}",
        task => double.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e3,
        StringComparer.Ordinal);

    /// <summary>Asks for echoes, and returns the round trips in microseconds, sorted.</summary>
    private static double[] Ping(RdmaPort peer, BufferPool buffers, MacAddress target, int count)
    {
        double[] times = new double[count];
        byte[] request = EchoRequest(peer.MacAddress, target);
        BufferIndex[] packets = new BufferIndex[16];
        for (int i = 0; i < count; i++)
        {
            Thread.Sleep(3);
            _ = buffers.TryTake(out packets[0]);
            buffers.SetPacket(packets[0], request);
            long start = Stopwatch.GetTimestamp();
            _ = peer.TxQueues[0].Send(packets.AsSpan(0, 1));
            int received;
            while ((received = peer.RxQueues[0].Receive(packets)) == 0)
            {
                Thread.Yield(); // NIC and worker need a processor, too
            }

            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            buffers.ReturnPackets(packets.AsSpan(0, received));
            peer.TxQueues[0].Reclaim();
        }

        Array.Sort(times);
        return times;
    }

    private static byte[] EchoRequest(MacAddress source, MacAddress destination)
    {
        byte[] frame = new byte[98];
        MemoryMarshal.AsRef<EthernetHeader>(frame.AsSpan()) = new EthernetHeader { Destination = destination, Source = source, Type = EtherType.Ip4 };
        Span<byte> packet = frame.AsSpan(EthernetHeader.Size);
        MemoryMarshal.AsRef<Ip4Header>(packet) = new Ip4Header
        {
            VersionAndHeaderLength = 0x45,
            TotalLength = (ushort)packet.Length,
            TimeToLive = 64,
            Protocol = IpProtocol.Icmp,
            Source = Ip4Address.Parse("10.0.0.2"),
            Destination = Ip4Address.Parse("10.0.0.1"),
        };
        MemoryMarshal.AsRef<Ip4Header>(packet).Checksum = Checksum.Compute(packet[..Ip4Header.Size]);
        Span<byte> message = packet[Ip4Header.Size..];
        MemoryMarshal.AsRef<IcmpHeader>(message) = new IcmpHeader { Type = IcmpHeader.EchoRequest };
        MemoryMarshal.AsRef<IcmpHeader>(message).Checksum = Checksum.Compute(message);
        return frame;
    }
}
