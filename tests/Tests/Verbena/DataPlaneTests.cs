using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Control;

namespace Verbena.Tests.Verbena;

public sealed class DataPlaneTests : IDisposable
{
    private readonly LogRing _ring = new(TimeProvider.System);
    private readonly ILoggerFactory _logs;
    private readonly DataPlane _dataPlane;

    public DataPlaneTests()
    {
        _logs = LoggerFactory.Create(builder => builder.AddProvider(_ring));
        _dataPlane = new DataPlane(new DataPlaneOptions { Buffers = 4096 }, _logs, _ring);
    }

    public void Dispose()
    {
        _dataPlane.Dispose();
        _logs.Dispose();
        _ring.Dispose();
    }

    [Fact]
    public async Task A_host_interface_that_is_not_there_is_named_with_what_helps() => Assert.Matches(
        "^create interface rdma: .*'nosuch0'.*, or start verbena with '--emulated-nic nosuch0' for an emulated NIC of that name$",
        (await RunAsync("create int rdma host-if nosuch0 name rdma-0")).Failure);

    [Fact]
    public async Task The_log_is_cleared()
    {
        Assert.NotEmpty(_ring.Lines);
        Assert.Null((await RunAsync("clear logging")).Failure);
        Assert.Empty(_ring.Lines);
    }

    [Theory]
    [InlineData("create interface rdma", "expected host-if")]
    [InlineData("create interface rdma host-if", "expected the name of a Linux network interface")]
    [InlineData("create interface rdma host-if nosuch0 rx-queue-size 1000", "rx-queue-size 1000 is not allowed: a power of two from 256 to 32768")]
    [InlineData("create interface rdma host-if nosuch0 mode fast", "expected auto, ibv or dv, got `fast'")]
    [InlineData("create interface rdma host-if nosuch0 cqe-compression fast", "expected auto, none, hash, checksum or checksum-stride-index, got `fast'")]
    [InlineData("create interface rdma host-if nosuch0 metadata vlan", "expected rss-hash, flow-tag or timestamp, got `vlan'")]
    [InlineData(
        "create interface rdma host-if nosuch0 metadata timestamp metadata flow-tag cqe-compression hash",
        "metadata timestamp and this cqe-compression exclude each other, compressed completions have one time for all: use cqe-compression auto or none")]
    [InlineData("create interface rdma host-if nosuch0 rss ipv6", "expected ipv4, ipv4-tcp or ipv4-udp, got `ipv6'")]
    [InlineData("delete interface rdma local0", "local0 is not a RDMA interface")]
    [InlineData("set interface rss local0 queues 0", "local0 is not a RDMA interface")]
    [InlineData("show interface rss local0", "local0 is not a RDMA interface")]
    [InlineData("delete interface rdma sw_if_index 7", "there is no interface 7")]
    public async Task Wrong_options_are_answered_with_what_is_allowed(string line, string sentence) =>
        Assert.EndsWith(": " + sentence, (await RunAsync(line)).Failure, StringComparison.Ordinal);

    [Fact]
    public async Task The_log_is_shown_in_VPPs_layout()
    {
        (CommandResult result, string output) = await RunWithOutputAsync("show log");
        Assert.Null(result.Failure);
        Assert.Matches(@"(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d:\d{3} notice     verbena        verbena v[^ ]+ on \.NET .* started$", output);
    }

    [Fact]
    public async Task A_processor_that_is_not_there_is_refused()
    {
        await Task.Yield();
        VerbenaException e = Assert.Throws<VerbenaException>(() =>
            new DataPlane(new DataPlaneOptions { Buffers = 256, WorkerCores = [1000] }, NullLoggerFactory.Instance, _ring));
        Assert.Equal("--worker-cores 1000: this process may not run on that processor", e.Message);
    }

    private async Task<CommandResult> RunAsync(string line) => (await RunWithOutputAsync(line)).Result;

    private async Task<(CommandResult Result, string Output)> RunWithOutputAsync(string line)
    {
        string output = "";
        CommandResult result = await _dataPlane.For("a test").RunAsync(line, text => Task.FromResult(output += text), CancellationToken.None);
        return (result, output);
    }
}
