using System.Text.Json;

namespace Verbena.PageTests;

/// <summary>What the tests that ran before have reported (CTRF, the Common Test Report Format).</summary>
internal static class TestReports
{
    /// <summary>Where <c>./test</c> lets the other projects write their reports.</summary>
    private const string FolderVariable = "VERBENA_TEST_REPORTS";

    private static readonly Lazy<ILookup<string, string>> s_outcomes = new(ReadAll);

    /// <summary>How often a test ended how, such as 3 times <c>passed</c>: a theory ends once for each of its rows, an inherited test once for each class.</summary>
    /// <param name="name">The file without its extension, and the method: <c>RdmaPortTests.A_port_that_is_down_receives_nothing</c>.</param>
    public static IEnumerable<string> OutcomesOf(string name) => s_outcomes.Value[name];

    private static ILookup<string, string> ReadAll()
    {
        string? folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.False(string.IsNullOrEmpty(folder), "these tests read the reports of all others: run ./test, which makes them");
        return Directory.EnumerateFiles(folder, "*.json").SelectMany(Read).ToLookup(test => test.Name, test => test.Outcome, StringComparer.Ordinal);
    }

    private static IEnumerable<(string Name, string Outcome)> Read(string path)
    {
        using var report = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. report.RootElement.GetProperty("results").GetProperty("tests").EnumerateArray().Select(Read)];
    }

    // By the file: a test that several classes inherit from one, such as a class for each receive layout, is one test with several outcomes.
    private static (string Name, string Outcome) Read(JsonElement test)
    {
        string file = Path.GetFileNameWithoutExtension(test.GetProperty("filePath").GetString()!);
        return ($"{file}.{test.GetProperty("extra").GetProperty("method").GetString()}", test.GetProperty("status").GetString()!);
    }
}
