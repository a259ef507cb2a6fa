using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Driver;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>
/// 64-byte frames from a generator inside the NIC through rdma-0, IPv4 lookup and rewrite, out of rdma-1 to a sink: packets per
/// second, ns a packet, and each node's share.
/// </summary>
/// <remarks>
/// The worker polls one core, the NIC's thread the other. What the NIC could not deliver is its drop <c>out_of_buffer</c>: where
/// that is near zero, the NIC was the limit and not what is measured.
/// </remarks>
internal static class ForwardingBenchmark
{
    private const string Ingress = "bench0";
    private const string Egress = "bench1";

    public static void Run(int seconds)
    {
        using EmulatedNics nics = EmulatedNics.Attach(
            [Nic($"{Ingress},wire=generator:size=64:flows=64"), Nic($"{Egress},wire=sink")], NullLogger.Instance);
        using BufferPool buffers = new(16384);
        using Router router = new(buffers);
        using Port rdma0 = Create("rdma-0", Ingress, buffers);
        using Port rdma1 = Create("rdma-1", Egress, buffers);
        Connect(router, rdma0, "198.18.0.254/24");
        Interface egress = Connect(router, rdma1, "198.19.0.254/24");
        router.AddNeighbor(egress, Ip4Address.Parse("198.19.0.1"), MacAddress.Parse("02:00:00:00:00:01"));

        using (new WorkerThread(router.Worker, core: null))
        {
            Rest(router, 2); // the compiler, the caches and the branch predictors settle
            router.ClearRuntime(WorkerThread.Now());
            Sample before = new(nics);
            Rest(router, seconds);
            Sample after = new(nics);
            RuntimeSnapshot runtime = router.ReadRuntime(WorkerThread.Now());
            Print(router, runtime, before, after);
        }

        router.Remove(router.FindInterface("rdma-0")!);
        router.Remove(router.FindInterface("rdma-1")!);
    }

    private static NicOptions Nic(string text) =>
        NicOptions.TryParse(text, out NicOptions options, out string error) ? options : throw new InvalidOperationException(error);

    private static RdmaPort Create(string name, string hostInterface, BufferPool buffers) => RdmaPort.Create(
        new RdmaInterfaceOptions { Name = name, HostInterface = hostInterface, RxQueues = 1 }, buffers, txQueues: 1, new Random(1));

    private static Interface Connect(Router router, Port port, string address)
    {
        Interface added = router.AddInterface(port);
        router.AddAddress(added, Ip4Prefix.TryParse(address, out Ip4Prefix prefix) ? prefix : throw new FormatException(address));
        router.SetAdminUp(added, true);
        return added;
    }

    private static void Rest(Router router, int seconds)
    {
        for (int i = 0; i < seconds * 1000; i++)
        {
            router.Maintain(WorkerThread.Now());
            Thread.Sleep(1);
        }
    }

    private static void Print(Router router, RuntimeSnapshot runtime, Sample before, Sample after)
    {
        double elapsed = runtime.ElapsedNanoseconds / 1e9;
        double forwarded = after.Sunk - before.Sunk;
        double offered = after.Generated - before.Generated;
        Console.WriteLine("64-byte frames, NIC's generator -> rdma-0 -> IPv4 lookup and rewrite -> rdma-1 -> NIC's sink (ibv mode, emulated NIC):");
        Console.WriteLine($"  {forwarded / elapsed / 1e6:F2} Mpps, {elapsed * 1e9 / forwarded:F1} ns a packet; "
            + $"the NIC offered {offered / elapsed / 1e6:F2} Mpps and dropped {(after.OutOfBuffer - before.OutOfBuffer) / offered:P1} for want of a buffer");

        double total = runtime.Nodes.Sum(node => (double)node.Nanoseconds);
        IEnumerable<NodeRuntime> busy = runtime.Nodes.Where(node => node.Vectors > 0).OrderByDescending(node => node.Nanoseconds);
        foreach (NodeRuntime node in busy)
        {
            Console.WriteLine($"  {node.Name,-24} {node.Nanoseconds / total,6:P1} {(double)node.Nanoseconds / node.Vectors,8:F1} ns a packet");
        }

        Console.WriteLine($"  The node that costs most: {busy.First().Name}");
        Console.WriteLine();
        Console.Write(ShowRuntime(router));
    }

    private static string ShowRuntime(Router router)
    {
        CommandTable commands = new(NullLogger.Instance);
        RouterCommands.AddTo(commands, router, WorkerThread.Now, workerCore: null);
        using StringWriter output = new();
        commands.RunAsync("show runtime", new CliSession(output)).GetAwaiter().GetResult();
        return output.ToString();
    }

    /// <summary>What the two ports had counted at one moment.</summary>
    private readonly struct Sample(EmulatedNics nics)
    {
        public double Generated { get; } = nics.Devices[Ingress].Counters[PortCounter.WireReceived];

        public double OutOfBuffer { get; } = nics.Devices[Ingress].Counters[PortCounter.OutOfBuffer];

        public double Sunk { get; } = nics.Devices[Egress].Counters[PortCounter.WireSent];
    }
}
