using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Sharing;
using Verbena.Emulator.Wires;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Sharing;

/// <summary>The ports and the queues of each process have threads of their own, as in life.</summary>
/// <remarks>The ports' clock stands still, so that a thread that gets no processor is not taken for one that has stopped.</remarks>
public sealed class RunningPortTests
{
    private const ulong Frames = 50_000;

    [Fact]
    public void All_frames_of_a_wire_that_is_faster_than_the_process_come_to_its_queues_in_order()
    {
        using Setting setting = new(new GeneratorOptions { Count = Frames, SizeBytes = 1000 });
        using RunningProcess process = new(setting.Path);
        process.Program.PostReceive(TestProgram.Entries);
        process.Program.Flow("02:00:00:00:00:01");
        setting.AwaitSum(Frames, PortCounter.QueueReceived, PortCounter.OutOfBuffer);
        for (int i = 0; i < TestProgram.Entries; i++)
        {
            Assert.Equal((ulong)i, GeneratorFrame.Sequence(process.Program.Buffer(i)));
        }
    }

    [Fact]
    public void Processes_that_send_to_each_other_and_to_the_wire_lose_nothing()
    {
        const int Each = 2000;
        using Setting setting = new(new SinkOptions());
        using RunningProcess a = new(setting.Path);
        using RunningProcess b = new(setting.Path);
        a.Program.Flow("ff:ff:ff:ff:ff:ff");
        b.Program.Flow("ff:ff:ff:ff:ff:ff");
        for (int i = 0; i < Each; i++)
        {
            a.Program.Send(TestPort.Frame("ff:ff:ff:ff:ff:ff", length: 1500));
            b.Program.Send(TestPort.Frame("ff:ff:ff:ff:ff:ff", length: 60));
            Assert.True(SpinWait.SpinUntil(() => a.Program.PollSend() is not null, TimeSpan.FromMinutes(1)), "the first process's frame is taken");
            Assert.True(SpinWait.SpinUntil(() => b.Program.PollSend() is not null, TimeSpan.FromMinutes(1)), "the second process's frame is taken");
        }

        setting.AwaitSum(2 * Each, PortCounter.QueueReceived, PortCounter.OutOfBuffer);
        setting.AwaitSum(2 * Each, PortCounter.WireSent);
        Assert.Equal(2UL * Each * 1560 / 2, ((SinkWire)setting.Port.Wire).Meter.Bytes);
    }

    /// <summary>A port that processes share.</summary>
    private sealed class Setting : IDisposable
    {
        private readonly PortServer _server;

        public Setting(WireOptions wire)
        {
            Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"ports-{Guid.NewGuid():N}");
            _server = PortServer.Start(
                [new NicOptions("near") { Wire = wire }], Path, NullLogger.Instance, _ => new MemoryNetdev(), stepped: false, new ManualTime());
        }

        public string Path { get; }

        public SharedPort Port => _server.Ports[0];

        public void AwaitSum(ulong expected, params PortCounter[] counters)
        {
            ulong sum = 0;
            SpinWait.SpinUntil(() => (sum = counters.Aggregate(0UL, (sum, counter) => sum + Port.Counters[counter])) == expected, TimeSpan.FromMinutes(1));
            Assert.Equal(expected, sum);
        }

        public void Dispose() => _server.Dispose();
    }

    private sealed class RunningProcess : IDisposable
    {
        private readonly PortClient _client;
        private readonly NicDevice _nic;
        private readonly NicThread _thread;

        public RunningProcess(string path)
        {
            _client = new PortClient(path);
            _nic = new NicDevice(_client.Ports[0], NullLogger.Instance);
            Program = new TestProgram(_nic);
            _thread = new NicThread([_nic]);
        }

        public TestProgram Program { get; }

        public void Dispose()
        {
            _thread.Dispose();
            _nic.Dispose();
            _client.Dispose();
            Program.Dispose();
        }
    }
}
