using Verbena.Emulator.Nic;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>A process with queues on the ports: answers what it asks, and sees it end. One thread calls it.</summary>
internal sealed class AttachedProcess : IDisposable
{
    private readonly LocalSocket _socket;
    private readonly IReadOnlyList<SharedPort> _ports;
    private readonly Waker _portWaker;
    private readonly List<RemoteQueues> _queues = []; // of each port, after the greeting
    private readonly int _process;
    private Waker? _waker; // the process's; null if it could not send it

    /// <param name="socket">Its connection; taken over.</param>
    /// <param name="ports">All ports, in the order in which it sees them.</param>
    /// <param name="portWaker">Wakes the thread of the ports.</param>
    public AttachedProcess(LocalSocket socket, IReadOnlyList<SharedPort> ports, Waker portWaker)
    {
        _socket = socket;
        int process = socket.Peer.pid;
        _ports = ports;
        _portWaker = portWaker;
        _process = process > 0 ? Libc.pidfd_open(process, 0) : -1;
    }

    /// <summary>Readable when the process asks something, or has closed the connection.</summary>
    public int SocketDescriptor => _socket.Descriptor;

    /// <summary>Readable when the process has ended, though a child that it forked may hold the connection; -1: not to be had.</summary>
    public int ProcessDescriptor => _process;

    /// <summary>Tells a process why it does not get the ports.</summary>
    public static void Refuse(LocalSocket socket, string reason) =>
        socket.Send(Message.Of(new Welcome { Version = Greeting.CurrentVersion }, reason));

    /// <summary>Answers one request. False: the process is gone, or does not keep to the rules.</summary>
    public bool Serve()
    {
        Span<byte> message = stackalloc byte[Message.MaxBytes];
        Span<int> descriptors = stackalloc int[1];
        bool isGreeting = _queues.Count == 0;
        int length = _socket.Receive(message, isGreeting ? descriptors : []);
        if (isGreeting)
        {
            _waker = descriptors[0] >= 0 ? new Waker(descriptors[0]) : null; // ours from now on, whatever came with it
            return Message.TryRead(message[..length], out Greeting greeting, out _) && Greet(greeting);
        }

        return Message.TryRead(message[..length], out Request request, out _) && _socket.Send(Answer(request));
    }

    public void Dispose()
    {
        for (int i = 0; i < _queues.Count; i++)
        {
            _ports[i].Detach(_queues[i]);
        }

        _waker?.Dispose();
        _socket.Dispose();
        if (_process >= 0)
        {
            _ = Libc.close(_process);
        }
    }

    /// <summary>Gives the process its memory with each port, or tells it why not.</summary>
    private bool Greet(in Greeting greeting)
    {
        try
        {
            Attach();
        }
        catch (InvalidOperationException refusal)
        {
            Refuse(_socket, refusal.Message);
            throw;
        }

        return _socket.Send(Message.Of(new Welcome { Version = Greeting.CurrentVersion, Ports = _ports.Count }), _portWaker.Descriptor)
            && greeting.Version == Greeting.CurrentVersion
            && _ports.Zip(_queues).All(pair => Describe(pair.First, pair.Second));
    }

    /// <exception cref="InvalidOperationException">There is no room for one more; the message says why.</exception>
    private void Attach()
    {
        Waker waker = _waker ?? throw new InvalidOperationException("it has no more descriptors: raise its limit of open files, 'ulimit -n'");
        foreach (SharedPort port in _ports)
        {
            _queues.Add(port.Attach(waker));
        }
    }

    private bool Describe(SharedPort port, RemoteQueues queues)
    {
        PortDescription description = new() { Mac = port.MacAddress, CounterSlot = queues.CounterSlot, Function = port.Options.VirtualFunction?.Number ?? -1 };
        return _socket.Send(Message.Of(description, port.Options.Text), queues.Descriptor, port.CountersDescriptor);
    }

    private byte[] Answer(in Request request)
    {
        if ((uint)request.Port >= (uint)_ports.Count)
        {
            return Message.Of(new Reply { Errno = (int)Errno.ENODEV }, $"port {request.Port}: there are {_ports.Count}");
        }

        try
        {
            return Message.Of(new Reply { Number = CarryOut(request, _ports[request.Port], _queues[request.Port]) });
        }
        catch (NicException refusal)
        {
            return Message.Of(new Reply { Errno = refusal.Errno }, refusal.Message);
        }
    }

    private static uint CarryOut(in Request request, SharedPort port, RemoteQueues queues)
    {
        switch (request.Kind)
        {
            case RequestKind.AddFlow:
                return port.AddFlow(queues, in request.Flow);
            case RequestKind.RemoveFlow:
                port.RemoveFlow(queues, request.Number);
                return 0;
            case RequestKind.SetCarrier:
                port.SetCarrier(request.Number != 0);
                return 0;
            default:
                throw NicException.NotSupported($"request {request.Kind}");
        }
    }
}
