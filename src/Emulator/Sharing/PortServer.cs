using System.ComponentModel;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>Owns ports, and shares them among the processes that join at a UNIX socket (<see cref="EmulatedNics.Join"/>).</summary>
/// <remarks>A process that ends, however that comes, leaves nothing behind: its flows go, and its memory with the port.</remarks>
public sealed unsafe partial class PortServer : IDisposable
{
    private readonly List<SharedPort> _ports = [];
    private readonly List<AttachedProcess> _processes = []; // the control thread's
    private readonly Waker _portWaker = new();
    private readonly Waker _stop = new();
    private readonly Admission _admission;
    private readonly ILogger _logger;
    private readonly string _socketPath;
    private readonly LocalSocket _listener;
    private readonly Thread _control;
    private int _reserve = Reserve(); // a descriptor, by which one that can't be served is told so
    private int _joined; // how many processes, for other threads
    private readonly NicThread? _thread;

    private PortServer(IReadOnlyList<NicOptions> options, string socketPath, Admission admission, ILogger logger, Func<NicOptions, HostNetdev> netdevs, bool stepped, TimeProvider time)
    {
        _admission = admission;
        _logger = logger;
        _socketPath = socketPath;
        try
        {
            var cables = new PatchPanel();
            foreach (NicOptions option in options)
            {
                _ports.Add(new SharedPort(option, cables, netdevs(option), _portWaker, logger, time));
            }

            foreach (SharedPort physical in _ports.ToArray())
            {
                _ports.AddRange(physical.Options.Functions().Select(function => new SharedPort(
                    function.On(physical.Virtualize()), cables, netdevs(function), _portWaker, logger, time)));
            }

            _listener = LocalSocket.Listen(socketPath);
        }
        catch
        {
            DisposePorts();
            throw;
        }

        _thread = stepped ? null : new NicThread(_ports);
        _control = new Thread(Control) { Name = "emulated ports", IsBackground = true };
        _control.Start();
    }

    /// <summary>The ports, in the order of their options.</summary>
    public IReadOnlyList<SharedPort> Ports => _ports;

    /// <summary>True while a process has joined.</summary>
    public bool IsUsed => Volatile.Read(ref _joined) > 0;

    /// <summary>Makes the ports, and lets processes join them.</summary>
    /// <param name="options">One for each port; the first becomes mlx5_0. Where the user may not make a TAP, ports have no netdev.</param>
    /// <param name="socketPath">Where to listen.</param>
    /// <param name="admission">Who may join.</param>
    /// <param name="logger">Gets what the ports have to say; never from the path of a frame.</param>
    /// <exception cref="InvalidOperationException">
    /// Two ports have one name, a netdev or wire can't be made, or the socket can't; the message says why and what helps.
    /// </exception>
    public static PortServer Start(IReadOnlyList<NicOptions> options, string socketPath, Admission admission, ILogger logger)
    {
        PatchPanel.Check(NicOptions.WithFunctions(options));
        return new PortServer(options, socketPath, admission, logger, option => NetdevFor(option, logger), stepped: false, TimeProvider.System);
    }

    /// <summary>Does one pass over every port, where they are stepped; true if one of them had anything to do.</summary>
    internal bool Step()
    {
        bool worked = false;
        foreach (SharedPort port in _ports)
        {
            worked |= port.Step();
        }

        return worked;
    }

    /// <summary>Makes ports with other netdevs than TAPs, and with another clock; with <paramref name="stepped"/> whoever calls steps them.</summary>
    internal static PortServer Start(
        IReadOnlyList<NicOptions> options, string socketPath, ILogger logger, Func<NicOptions, HostNetdev> netdevs, bool stepped, TimeProvider time) =>
        new(options, socketPath, new Admission(Environment.ProcessId), logger, netdevs, stepped, time);

    public void Dispose()
    {
        _stop.Wake();
        _control.Join();
        _thread?.Dispose();
        foreach (AttachedProcess process in _processes)
        {
            process.Dispose();
        }

        foreach (SharedPort port in _ports)
        {
            LogCounted(_logger, port.Options.Name, port.Counters);
        }

        _listener.Dispose();
        _stop.Dispose();
        _ = Libc.close(_reserve);
        File.Delete(_socketPath);
        DisposePorts();
    }

    private static HostNetdev NetdevFor(NicOptions options, ILogger logger)
    {
        try
        {
            return new TapNetdev(options);
        }
        catch (InvalidOperationException failure) when (failure.InnerException is Win32Exception { NativeErrorCode: (int)Errno.EPERM or (int)Errno.EACCES or (int)Errno.ENOENT })
        {
            LogNoNetdev(logger, options.Name, failure.Message);
            return new AbsentNetdev(options);
        }
    }

    private void DisposePorts()
    {
        _ports.ForEach(port => port.Dispose());
        _portWaker.Dispose();
    }

    /// <summary>Lets processes come and go, and answers them.</summary>
    private void Control()
    {
        pollfd[] descriptors = Descriptors();
        while (Wait(descriptors))
        {
            AttachedProcess[] gone = [.. _processes.Where((process, i) => !Look(process, descriptors.AsSpan(2 + (2 * i), 2)))];
            foreach (AttachedProcess process in gone)
            {
                _processes.Remove(process);
                process.Dispose();
            }

            if (descriptors[1].revents != 0 && Accept() is { } connection)
            {
                Begin(connection);
            }

            _reserve = _reserve < 0 ? Reserve() : _reserve;
            Volatile.Write(ref _joined, _processes.Count);
            descriptors = Descriptors();
        }
    }

    /// <summary>Lets a process join, or tells it why not: one that may not is not kept waiting for, whatever it says.</summary>
    private void Begin(LocalSocket connection)
    {
        try
        {
            _admission.Demand(connection.Peer);
            _processes.Add(new AttachedProcess(connection, _ports, _portWaker));
        }
        catch (InvalidOperationException refusal)
        {
            AttachedProcess.Refuse(connection, refusal.Message);
            connection.Dispose();
            LogRefused(_logger, refusal.Message);
        }
    }

    /// <summary>Takes a connection, the last one by the reserve: there will be no descriptors for what it needs, which it hears.</summary>
    private LocalSocket? Accept()
    {
        if (_listener.Accept() is { } connection)
        {
            return connection;
        }

        _ = Libc.close(_reserve);
        _reserve = -1;
        return _listener.Accept();
    }

    private static int Reserve() => Libc.open("/dev/null", Libc.O_RDONLY | Libc.O_CLOEXEC);

    private pollfd[] Descriptors() =>
    [
        .. new[] { _stop.Descriptor, _reserve >= 0 ? _listener.Descriptor : -1 } // without the reserve none can be told why it has to wait
            .Concat(_processes.SelectMany(process => new[] { process.SocketDescriptor, process.ProcessDescriptor }))
            .Select(descriptor => new pollfd { fd = descriptor, events = Libc.POLLIN }),
    ];

    /// <summary>Waits until there is something to look at; false: the end.</summary>
    private static bool Wait(pollfd[] descriptors)
    {
        fixed (pollfd* first = descriptors)
        {
            while (Libc.ppoll(first, (nuint)descriptors.Length, null, null) < 0)
            {
                // a signal came
            }
        }

        return descriptors[0].revents == 0;
    }

    /// <summary>Answers a process that has asked something; false: it is gone.</summary>
    private bool Look(AttachedProcess process, ReadOnlySpan<pollfd> descriptors)
    {
        if (descriptors[0].revents == 0)
        {
            return descriptors[1].revents == 0;
        }

        try
        {
            return process.Serve();
        }
        catch (InvalidOperationException failure)
        {
            LogRefused(_logger, failure.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "emulated port {Name} has no Linux interface: {Reason}")]
    private static partial void LogNoNetdev(ILogger logger, string name, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "emulated port {Name} has counted {Counters}")]
    private static partial void LogCounted(ILogger logger, string name, PortCounters counters);

    [LoggerMessage(Level = LogLevel.Warning, Message = "emulated ports: a process was refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);
}
