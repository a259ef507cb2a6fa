using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

internal enum Outcome
{
    Passed,
    Skipped,
    Failed,
}

/// <summary>What became of one test of rdma-core's suite.</summary>
/// <param name="File">The file that it stands in, without its ending.</param>
/// <param name="Name">The test's name in the file.</param>
/// <param name="Outcome">What Python's unittest said.</param>
/// <param name="Reason">Why it was skipped; else empty.</param>
internal sealed partial record SuiteResult(string File, string Name, Outcome Outcome, string Reason)
{
    /// <summary>Reads what unittest prints with --verbose: a test's name, the first line of its documentation, the outcome.</summary>
    public static SuiteResult[] Parse(string output) => [.. Line().Matches(output).Select(match => new SuiteResult(
        match.Groups["file"].Value,
        match.Groups["name"].Value,
        match.Groups["outcome"].Value switch { "ok" => Outcome.Passed, "ERROR" or "FAIL" => Outcome.Failed, _ => Outcome.Skipped },
        match.Groups["reason"].Value))];

    [GeneratedRegex("""
        ^test_\w+\ \(tests\.(?<file>\w+)\.(?<name>[\w.]+)\)(\n[^\n]*)?\ \.\.\.\ (?<outcome>ok|ERROR|FAIL|skipped\ (?<quote>['"])(?<reason>[^\n]*)\k<quote>)$
        """, RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Line();
}
