using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary>A test file of rdma-core's suite, as the table in docs/programs.md says what becomes of it.</summary>
/// <param name="Name">Name of the file, without its ending.</param>
/// <param name="Passed">Number of tests that pass.</param>
/// <param name="Skipped">Number of tests that skip themselves.</param>
/// <param name="Reasons">Why they skip themselves, in their own words; <c>…</c> stands for any.</param>
internal sealed partial record SuiteFile(string Name, int Passed, int Skipped, string[] Reasons)
{
    public static Dictionary<string, SuiteFile> ReadDocumentation() =>
        Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/programs.md"))).Select(row => new SuiteFile(
            row.Groups["name"].Value,
            int.Parse(row.Groups["passed"].Value, CultureInfo.InvariantCulture),
            int.Parse(row.Groups["skipped"].Value, CultureInfo.InvariantCulture),
            [.. Quoted().Matches(row.Groups["reasons"].Value).Select(quoted => quoted.Groups["text"].Value)]))
        .ToDictionary(file => file.Name, StringComparer.Ordinal);

    /// <summary>True if it passed, or was skipped for a reason that is documented.</summary>
    public bool Explains(SuiteResult result) => result.Outcome == Outcome.Passed || Array.Exists(Reasons, reason =>
        Regex.IsMatch(result.Reason, $"^{Regex.Escape(reason).Replace("…", ".*", StringComparison.Ordinal)}$"));

    [GeneratedRegex(@"^\| `(?<name>test_\w+)` \| (?<passed>\d+) \| (?<skipped>\d+) \|(?<reasons>.*)\|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<text>[^`]*)`", RegexOptions.ExplicitCapture)]
    private static partial Regex Quoted();
}
