using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Sharing;
using Verbena.Emulator.Wires;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Sharing;

/// <summary>Two ports with a cable between them that processes share, stepped by the test together with those processes' queues.</summary>
internal sealed class SharedTestPorts : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"ports-{Guid.NewGuid():N}");
    private readonly PortServer _server;
    private readonly List<TestProcess> _processes = [];
    private bool _isServed = true;

    public SharedTestPorts(WireOptions? wire = null)
    {
        Assert.True(NicOptions.TryParse("near,speed=25", out NicOptions near, out _));
        _server = PortServer.Start(
            [near with { Wire = wire ?? new CableOptions("far") }, new NicOptions("far")],
            _path,
            NullLogger.Instance,
            options => options.Name == "near" ? Netdev : Far,
            stepped: true,
            Time);
    }

    public SharedPort Near => _server.Ports[0];

    public ManualTime Time { get; } = new();

    public MemoryNetdev Netdev { get; } = new();

    /// <summary>The remote host: what it sends goes on the wire, what it has received came from there.</summary>
    public MemoryNetdev Far { get; } = new();

    public ulong this[PortCounter counter] => Near.Counters[counter];

    /// <summary>Somebody connects, who need not keep to the rules.</summary>
    public LocalSocket Connect() => LocalSocket.Connect(_path);

    /// <summary>A process joins.</summary>
    public TestProcess Join()
    {
        TestProcess process = new(_path, Time);
        _processes.Add(process);
        return process;
    }

    /// <summary>Puts frames on the wire, and lets all rest.</summary>
    public void FromWire(params IEnumerable<byte[]> frames)
    {
        foreach (byte[] frame in frames)
        {
            Far.Sent.Enqueue(frame);
        }

        Run();
    }

    /// <summary>Steps ports and processes until none has anything to do.</summary>
    public void Run() => Run([.. _processes]);

    /// <summary>Steps the ports and some of the processes; the others stand still.</summary>
    public void Run(params TestProcess[] running)
    {
        bool busy = true;
        for (int i = 0; i < 1_000_000 && busy; i++)
        {
            busy = _server.Step();
            foreach (TestProcess process in running)
            {
                busy |= process.Step();
            }
        }

        Assert.False(busy, "all come to rest");
    }

    /// <summary>Ends the process that has the ports.</summary>
    public void DisposeServer()
    {
        AssertEveryFrameIsAccountedFor();
        _server.Dispose();
        _isServed = false;
    }

    public void Dispose()
    {
        if (_isServed)
        {
            Run();
            DisposeServer();
        }

        _processes.ForEach(process => process.Dispose());
    }

    private void AssertEveryFrameIsAccountedFor()
    {
        ulong given = this[PortCounter.WireReceived] + this[PortCounter.NetdevSent] + this[PortCounter.QueueSent] + this[PortCounter.Copies];
        ulong taken = this[PortCounter.QueueReceived] + this[PortCounter.NetdevReceived] + this[PortCounter.WireSent] + Near.Counters.Dropped;
        Assert.Equal(given, taken);
    }
}

/// <summary>A process on the port "near": its connection, and a program with queues.</summary>
internal sealed class TestProcess : IDisposable
{
    private readonly PortClient _client;
    private readonly List<TestProgram> _programs = [];
    private bool _isDead;

    public TestProcess(string path, TimeProvider time)
    {
        _client = new PortClient(path);
        Nic = new NicDevice(_client.Ports[0], NullLogger.Instance, time);
        Program = AddProgram();
    }

    public NicDevice Nic { get; }

    public TestProgram Program { get; }

    /// <summary>Opens the device once more, with other queues.</summary>
    public TestProgram AddProgram()
    {
        TestProgram program = new(Nic);
        _programs.Add(program);
        return program;
    }

    public bool Step() => !_isDead && Nic.Step();

    /// <summary>How many frames the program has received since it was asked last.</summary>
    public int Received()
    {
        int count = 0;
        while (Program.PollReceive() is not null)
        {
            count++;
        }

        return count;
    }

    /// <summary>Ends the process as SIGKILL does: nothing is said, the kernel closes the connection.</summary>
    public void Kill()
    {
        _isDead = true;
        _client.Dispose();
    }

    public void Dispose()
    {
        Nic.Dispose();
        _client.Ports[1].Dispose();
        if (!_isDead)
        {
            _client.Dispose();
        }

        _programs.ForEach(program => program.Dispose());
    }
}
