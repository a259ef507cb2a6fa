using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary>Python programs on pyverbs below <c>verbena nic run</c>: rdma-core's own tests, and ours for what those leave out.</summary>
public sealed partial class PyverbsTests : IDisposable
{
    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-pyverbs-").FullName;

    private string Log => Path.Combine(_folder, "log");

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Rdma_core_s_own_tests_pass_and_are_skipped_as_the_documentation_says()
    {
        string suite = Path.Combine(_folder, "suite");
        _host.Run("packaging/pyverbs-tests", suite);
        Dictionary<string, SuiteFile> documented = SuiteFile.ReadDocumentation();

        string output = Python(Path.Combine(suite, "run_tests.py"), [.. documented.Keys.Select(file => $"tests.{file}")]).Output;
        SuiteResult[] results = SuiteResult.Parse(output);

        Assert.Equal(RanCount(output), results.Length);
        SuiteResult[] unexplained = [.. results.Where(result => !documented[result.File].Explains(result))];
        Assert.True(unexplained.Length == 0, $"docs/programs.md does not say this:\n{string.Join('\n', unexplained.AsEnumerable())}\n{output}");
        Assert.Equal(
            documented.Values.Select(file => (file.Name, file.Passed, file.Skipped)),
            documented.Keys.Select(name => (name, Count(results, name, Outcome.Passed), Count(results, name, Outcome.Skipped))));
        ExpectConformance();
    }

    [Fact]
    public void Raw_packet_queue_pairs_do_all_that_pyverbs_can_ask()
    {
        CommandResult result = Python("tests/SystemTests/Programs/raw_packet_test.py", []);
        Assert.True(result.Status == 0, result.Output);
        Assert.True(RanCount(result.Output) > 20, result.Output);
        Assert.DoesNotContain("skipped", result.Output, StringComparison.Ordinal);
        ExpectConformance();
    }

    [Fact]
    public void A_program_that_unmaps_registered_memory_goes_on_and_the_log_tells()
    {
        CommandResult result = Python("tests/SystemTests/Programs/unmapped_memory_test.py", []);
        Assert.True(result.Status == 0, result.Output);
        Assert.Contains("unmapped registered memory", File.ReadAllText(Log), StringComparison.Ordinal);
    }

    private static int Count(SuiteResult[] results, string file, Outcome outcome) => results.Count(result => result.File == file && result.Outcome == outcome);

    private static int RanCount(string output) => int.Parse(Ran().Match(output).Groups["count"].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^Ran (?<count>\d+) tests? in ", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Ran();

    /// <summary>Debian's Python, for which pyverbs is built; another may come first in PATH.</summary>
    private CommandResult Python(string script, string[] tests) => _host.Try(
        ["./verbena", "nic", "run", "--nic", "enp94s0f0,wire=sink", "--log", Log, "--", "/usr/bin/python3", "-B", script, "--verbose", .. tests]);

    private void ExpectConformance()
    {
        if (File.Exists(Log))
        {
            Assert.DoesNotContain("conformance", File.ReadAllText(Log), StringComparison.OrdinalIgnoreCase);
        }
    }
}
