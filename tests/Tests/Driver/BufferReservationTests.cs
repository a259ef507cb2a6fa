using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Commands;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Driver;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>All ports' receive queues live on one pool, which must have enough for all of them and for packets on their way.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class BufferReservationTests : IDisposable
{
    private readonly CabledPorts _cable = new();

    public void Dispose() => _cable.Dispose();

    [Theory]
    [InlineData(RdmaMode.Ibv)]
    [InlineData(RdmaMode.Dv)]
    public void A_port_whose_receive_queues_find_too_few_buffers_beside_the_others_is_refused(RdmaMode mode)
    {
        RdmaPort near = Create(_cable.NearName, mode);
        Assert.Equal(
            "2 receive queues of 1024 hold 2048 buffers, but of 4428 only 1827 are left for that: use fewer or smaller queues",
            Assert.Throws<BufferShortageException>(() => Create(_cable.FarName, mode)).Message);
        near.Dispose();
        Create(_cable.FarName, mode).Dispose();
        Assert.Equal(0, _cable.Pool.ReservedCount);
    }

    [Fact]
    public async Task The_command_is_refused_with_the_option_that_helps_and_leaves_nothing_behind()
    {
        using Router router = new(_cable.Pool);
        using RdmaCommands rdma = new(router, new MacAddressPolicy(), new Random(1), NullLogger.Instance);
        CommandTable table = new(NullLogger.Instance);
        rdma.AddTo(table);
        Assert.Null(await RunAsync(table, $"create interface rdma host-if {_cable.NearName} name near"));
        Assert.Equal(
            "create interface rdma: 2 receive queues of 1024 hold 2048 buffers, but of 4428 only 1827 are left for that: "
            + "use fewer or smaller queues, or start verbena with '--buffers 4681'",
            await RunAsync(table, $"create interface rdma host-if {_cable.FarName} name far"));
        Assert.Null(router.Interfaces.Find("far"));
        Assert.Null(await RunAsync(table, $"create interface rdma host-if {_cable.FarName} name far num-rx-queues 1"));
    }

    private static Task<string?> RunAsync(CommandTable table, string line) => table.RunAsync(line, new CliSession(TextWriter.Null, "a test"));

    private RdmaPort Create(string host, RdmaMode mode) =>
        RdmaPort.Create(new RdmaInterfaceOptions { HostInterface = host, Name = host, Mode = mode }, _cable.Pool, txQueues: 1, new Random(1));
}
