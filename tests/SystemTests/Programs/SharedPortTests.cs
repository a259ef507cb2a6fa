namespace Verbena.SystemTests.Programs;

/// <summary>Several processes below one <c>verbena nic run</c>.</summary>
public sealed class SharedPortTests : IDisposable
{
    private readonly NetworkNamespace _host = NetworkNamespace.Create();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Two_processes_and_Linux_are_on_one_port_each_with_its_own_address()
    {
        CommandResult result = _host.Try(
            "timeout", "120", "./verbena", "nic", "run", "--nic", "enp94s0f0,wire=tap:far0", "--",
            "/usr/bin/python3", "-B", "tests/SystemTests/Programs/shared_port_test.py", "--verbose");
        Assert.True(result.Status == 0, result.Output);
        Assert.Contains("Ran 5 tests", result.Output, StringComparison.Ordinal);
    }
}
