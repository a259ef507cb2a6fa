using Verbena.Emulator.Nic;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>The connection of this process to the ports of a <see cref="PortServer"/>.</summary>
internal sealed class PortClient : IDisposable
{
    private readonly Lock _lock = new();
    private readonly LocalSocket _socket;
    private readonly List<RemotePort> _ports = [];

    /// <summary>Joins; when this returns the ports are there.</summary>
    /// <exception cref="InvalidOperationException">Nobody listens there, or it is another version; the message says so.</exception>
    public PortClient(string socketPath)
    {
        _socket = LocalSocket.Connect(socketPath);
        try
        {
            Join();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The ports, in the server's order. Whoever takes them disposes them, before this.</summary>
    public IReadOnlyList<RemotePort> Ports => _ports;

    /// <summary>Wakes the thread of this process's queues.</summary>
    public Waker QueuesWaker { get; } = new();

    /// <summary>Wakes the thread of the ports.</summary>
    public Waker? PortWaker { get; private set; }

    /// <summary>True once the server is gone.</summary>
    public bool IsClosed => _socket.IsClosed;

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="NicException">The port refuses, or is not there any more (EIO).</exception>
    public uint Ask(in Request request)
    {
        Span<byte> answer = stackalloc byte[Message.MaxBytes];
        lock (_lock)
        {
            int length = _socket.Send(Message.Of(in request)) ? _socket.Receive(answer, []) : 0;
            return !Message.TryRead(answer[..length], out Reply reply, out string reason) ? throw new NicException((int)Errno.EIO, "the process that has the port is gone")
                : reply.Errno != 0 ? throw new NicException(reply.Errno, reason)
                : reply.Number;
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        QueuesWaker.Dispose();
        PortWaker?.Dispose();
    }

    private void Join()
    {
        Span<byte> message = stackalloc byte[Message.MaxBytes];
        Span<int> descriptors = stackalloc int[LocalSocket.MaxDescriptors];
        _socket.Send(Message.Of(new Greeting { Version = Greeting.CurrentVersion }), QueuesWaker.Descriptor);
        int length = _socket.Receive(message, descriptors[..1]);
        if (!Message.TryRead(message[..length], out Welcome welcome, out string refusal) || welcome.Version != Greeting.CurrentVersion)
        {
            throw new InvalidOperationException("emulated NICs: the process that has the ports is of another version; start it anew");
        }

        if (welcome.Ports == 0)
        {
            throw new InvalidOperationException($"emulated NICs: the process that has the ports has refused this one: {refusal}");
        }

        PortWaker = new Waker(Came(descriptors[0]));
        for (int i = 0; i < welcome.Ports; i++)
        {
            length = _socket.Receive(message, descriptors);
            if (!Message.TryRead(message[..length], out PortDescription description, out string text) || !NicOptions.TryParse(text, out NicOptions options, out _))
            {
                throw new InvalidOperationException("emulated NICs: the process that has the ports is gone");
            }

            options = description.Function < 0 ? options : options.OfFunction(description.Function);
            _ports.Add(new RemotePort(this, i, options with { Mac = description.Mac }, Came(descriptors[0]), Came(descriptors[1]), description.CounterSlot));
        }
    }

    /// <summary>The kernel leaves out what this process has no room for.</summary>
    private static int Came(int descriptor) =>
        descriptor >= 0 ? descriptor : throw new InvalidOperationException("emulated NICs: no more descriptors: raise the limit of open files, 'ulimit -n'");
}
