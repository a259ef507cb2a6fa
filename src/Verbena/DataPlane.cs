using Microsoft.Extensions.Logging;
using Verbena.Commands;
using Verbena.Control;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Emulator;
using Verbena.Nic;
using Verbena.Packets;

namespace Verbena;

/// <summary>All that one process runs: buffers, emulated NICs, router, its workers' threads and the control thread. Wired here.</summary>
internal sealed partial class DataPlane : IDisposable
{
    private readonly ILogger _log;
    private readonly Stack<IDisposable> _owned = new(); // made later, disposed sooner
    private readonly Router _router;
    private readonly RdmaCommands _rdma;
    private readonly ControlThread _control;
    private string _choreFailure = "";

    /// <summary>Starts it, without interfaces.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="logs">Makes the loggers.</param>
    /// <param name="ring">What <c>show logging</c> shows.</param>
    /// <exception cref="VerbenaException">Something it needs is not there; nothing is left behind.</exception>
    public DataPlane(DataPlaneOptions options, ILoggerFactory logs, LogRing ring)
    {
        _log = logs.CreateLogger("verbena");
        Commands = new CommandTable(logs.CreateLogger("cli"));
        try
        {
            if (FindEmulatedNics(options, logs) is { } nics) // before anything touches libibverbs, which looks for devices once
            {
                Own(nics);
                new EmulatedNicCommands(nics).AddTo(Commands);
            }

            var macAddresses = new MacAddressPolicy(options.AllowedMacAddresses);
            _router = Own(new Router(OwnBuffers(options.Buffers), options.WorkerCores.Count, macAddresses));
            _router.ClearRuntime(WorkerThread.Now());
            foreach (Worker worker in _router.Workers)
            {
                Own(new WorkerThread(worker, options.WorkerCores[worker.Index]));
            }

            _rdma = Own(new RdmaCommands(_router, macAddresses, new Random(), logs.CreateLogger("rdma"))); // parks the workers to delete interfaces
            AddCommands(Commands, _router, _rdma, ring);
            Commands.AfterLine = _rdma.TellChanges;
            _control = Own(new ControlThread(DoChores, options.MainCore));
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException) // no memory, no TAP, no library: the message says which
        {
            Dispose();
            throw new VerbenaException(e.Message, e);
        }
        catch
        {
            Dispose();
            throw;
        }

        LogStarted(_log, SystemCommands.Version);
    }

    private const nuint HugePageBytes = 2 << 20;

    public CommandTable Commands { get; }

    /// <summary>Fills a command table.</summary>
    public static void AddCommands(CommandTable table, Router router, RdmaCommands rdma, LogRing ring)
    {
        SessionCommands.AddTo(table);
        SystemCommands.AddTo(table, ring);
        rdma.AddTo(table);
        RssCommands.AddTo(table, router);
        RouterCommands.AddTo(table, router, WorkerThread.Now);
    }

    /// <summary>Runs lines on the control thread, for a user whom the log names by these words.</summary>
    public ICommandTarget For(string user) => new ControlTarget(Commands, _control, user);

    /// <summary>Deletes the interfaces, ends the threads, and lets go of everything.</summary>
    public void Dispose()
    {
        while (_owned.TryPop(out IDisposable? last))
        {
            last.Dispose();
        }

        LogStopped(_log);
    }

    /// <summary>The emulated NICs that were asked for, or those of the <c>nic run</c> that this process was started in.</summary>
    private static EmulatedNics? FindEmulatedNics(DataPlaneOptions options, ILoggerFactory logs)
    {
        string? shared = Environment.GetEnvironmentVariable(NicRunCommand.SocketVariable);
        ILogger log = logs.CreateLogger("emulator");
        return options.EmulatedNics.Count > 0 ? EmulatedNics.Attach(options.EmulatedNics, log)
            : string.IsNullOrEmpty(shared) ? null
            : EmulatedNics.Join(shared, log);
    }

    private T Own<T>(T made)
        where T : IDisposable
    {
        _owned.Push(made);
        return made;
    }

    private BufferPool OwnBuffers(int count)
    {
        BufferPool buffers = Own(new BufferPool(count));
        if (!buffers.Memory.OnHugePages)
        {
            LogNoHugePages(_log, count, (buffers.Memory.LengthBytes + HugePageBytes - 1) / HugePageBytes);
        }

        return buffers;
    }

    /// <summary>
    /// What is due every millisecond, or less often while all workers sleep: then nothing but the link can have changed. Returns
    /// the milliseconds until then. A failure that lasts is logged once.
    /// </summary>
    private int DoChores()
    {
        try
        {
            _router.Maintain(WorkerThread.Now());
            _rdma.ReadEvents();
            _choreFailure = "";
        }
#pragma warning disable CA1031 // the control thread goes on, whatever a chore throws
        catch (Exception e) when (string.Equals(e.Message, _choreFailure, StringComparison.Ordinal))
        {
        }
        catch (Exception e)
#pragma warning restore CA1031
        {
            _choreFailure = e.Message;
            LogChoreFailed(_log, e);
        }

        return _router.AllWorkersSleep ? 10 : 1;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Version} started")]
    private static partial void LogStarted(ILogger logger, string version);

    [LoggerMessage(Level = LogLevel.Error, Message = "maintenance failed")]
    private static partial void LogChoreFailed(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "stopped")]
    private static partial void LogStopped(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Buffers} buffers lie on ordinary pages, for the host has no huge pages free: sysctl vm.nr_hugepages={Pages} makes forwarding faster")]
    private static partial void LogNoHugePages(ILogger logger, int buffers, nuint pages);
}
