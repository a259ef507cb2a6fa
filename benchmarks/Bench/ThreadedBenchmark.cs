using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;

namespace Verbena.Bench;

/// <summary>The path as it runs in the daemon: the worker polls one core, the NIC's thread the other.</summary>
/// <remarks>Both share the machine with all others, so each figure holds what others took of the two cores.</remarks>
internal static class ThreadedBenchmark
{
    public static void Run(int seconds)
    {
        using ForwardingPath path = new(stepped: false);
        using (new WorkerThread(path.Router.Worker, core: null))
        {
            Rest(path.Router, 2); // the compiler, the caches and the branch predictors settle
            path.Router.ClearRuntime(WorkerThread.Now());
            (double offered, double outOfBuffer, double forwarded) = (path.Offered, path.OutOfBuffer, path.Forwarded);
            Rest(path.Router, seconds);
            RuntimeSnapshot runtime = path.Router.ReadRuntime(WorkerThread.Now());
            Print(runtime, path.Offered - offered, path.OutOfBuffer - outOfBuffer, path.Forwarded - forwarded);
            Console.Write(ShowRuntime(path.Router));
        }
    }

    private static void Rest(Router router, int seconds)
    {
        long end = WorkerThread.Now() + (seconds * 1_000_000_000L);
        while (WorkerThread.Now() < end)
        {
            router.Maintain(WorkerThread.Now());
            Thread.Sleep(1);
        }
    }

    private static void Print(RuntimeSnapshot runtime, double offered, double outOfBuffer, double forwarded)
    {
        double elapsed = runtime.ElapsedNanoseconds;
        double dropped = outOfBuffer / offered;
        Console.WriteLine("Two threads, worker and NIC:");
        Console.WriteLine($"  {forwarded / elapsed * 1e3:F2} Mpps, {elapsed / forwarded:F1} ns a packet; "
            + $"the NIC offered {offered / elapsed * 1e3:F2} Mpps and dropped {dropped:P1} for want of a buffer: "
            + (dropped < 0.05 ? "the NIC was the limit" : "the worker was the limit"));
        NodeTable.Print(runtime);
        Console.WriteLine();
    }

    private static string ShowRuntime(Router router)
    {
        CommandTable commands = new(NullLogger.Instance);
        RouterCommands.AddTo(commands, router, WorkerThread.Now, workerCore: null);
        using StringWriter output = new();
        commands.RunAsync("show runtime", new CliSession(output)).GetAwaiter().GetResult();
        return output.ToString();
    }
}
