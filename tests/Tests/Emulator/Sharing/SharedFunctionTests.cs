using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Sharing;
using Verbena.Packets;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Sharing;

/// <summary>Virtual functions of a port that processes share: two processes, each on one of them.</summary>
public sealed class SharedFunctionTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"ports-{Guid.NewGuid():N}");
    private readonly ManualTime _time = new();
    private readonly PortServer _server;
    private readonly PortClient[] _clients;
    private readonly NicDevice[] _functions;
    private readonly TestProgram[] _programs;

    public SharedFunctionTests()
    {
        Assert.True(NicOptions.TryParse("enp94s0f0,vfs=2,speed=25,wire=sink", out NicOptions physical, out _));
        _server = PortServer.Start([physical], _path, NullLogger.Instance, Netdev, stepped: true, _time);
        _clients = [new PortClient(_path), new PortClient(_path)];
        _functions = [new NicDevice(_clients[0].Ports[1], NullLogger.Instance, _time), new NicDevice(_clients[1].Ports[2], NullLogger.Instance, _time)];
        _programs = [.. _functions.Select(function => new TestProgram(function))];
        Array.ForEach(_programs, program => program.PostReceive(TestProgram.Entries));
        Run();
    }

    public void Dispose()
    {
        Array.ForEach(_functions, function => function.Dispose());
        _clients[0].Ports.Where((_, i) => i != 1).Concat(_clients[1].Ports.Where((_, i) => i != 2)).ToList().ForEach(port => port.Dispose());
        Array.ForEach(_clients, client => client.Dispose());
        Array.ForEach(_programs, program => program.Dispose());
        _server.Dispose();
    }

    [Fact]
    public void Each_process_finds_all_functions_as_they_are()
    {
        Assert.Equal(["enp94s0f0", "enp94s0f2", "enp94s0f3"], _clients[0].Ports.Select(port => port.Options.Name), StringComparer.Ordinal);
        Assert.Equal((0x101A, new LinkState(true, 25_000_000_000), 1), (_functions[1].Options.Model.PciDevice, _functions[1].Link, _functions[1].Options.VirtualFunction!.Number));
    }

    [Fact]
    public void Processes_on_two_functions_reach_each_other_and_the_wire()
    {
        string one = _functions[1].MacAddress.ToString();
        Assert.NotEqual(_functions[0].MacAddress, _functions[1].MacAddress);
        _programs[1].Flow(one);
        _programs[0].Send(TestPort.Frame(one));
        Run();
        _programs[0].Send(TestPort.Frame("02:00:00:00:99:99"));
        Run();
        Assert.NotNull(_programs[1].PollReceive());
        Assert.Null(_programs[1].PollReceive());
        Assert.Equal((2UL, 1UL), (_functions[0].Counters[PortCounter.WireSent], _functions[1].Counters[PortCounter.WireReceived]));
    }

    [Fact]
    public void A_flow_that_takes_all_unicast_is_refused_in_any_process()
    {
        NicException refusal = Assert.Throws<NicException>(() => _programs[0].Flow(change: flow => flow with { Type = FlowType.AllDefault }));
        Assert.Equal((1, "the virtual function is not trusted, and may not take all frames"), (refusal.Errno, refusal.Message));
    }

    /// <summary>A netdev with the address that the options say.</summary>
    private static MemoryNetdev Netdev(NicOptions options)
    {
        var netdev = new MemoryNetdev();
        netdev.SetMacAddress(options.Address);
        return netdev;
    }

    private void Run()
    {
        bool busy = true;
        for (int i = 0; i < 10_000 && busy; i++)
        {
            busy = _server.Step() | _functions[0].Step() | _functions[1].Step();
        }

        Assert.False(busy, "all come to rest");
    }
}
