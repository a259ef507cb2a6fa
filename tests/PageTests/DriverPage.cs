using System.Text.RegularExpressions;
using Verbena.SystemTests;

namespace Verbena.PageTests;

/// <summary>docs/rdma.md: what it states, and the tests that it names for each statement.</summary>
/// <remarks>
/// A statement is an item of a list, or a row of a table below its head. It names tests by file and method, <c>`FileTests.Method`</c>, as many
/// as it takes to show all of it. Other paragraphs only lead over.
/// </remarks>
internal static partial class DriverPage
{
    /// <summary>Each statement, as one line of text.</summary>
    public static IReadOnlyList<string> Statements { get; } = Read(File.ReadAllText(Path.Combine(Repository.Root, "docs", "rdma.md")));

    /// <summary>The names of tests in a text, without namespaces, each once.</summary>
    public static IEnumerable<string> TestsIn(string text) =>
        TestName().Matches(text).Select(match => match.Value).Distinct(StringComparer.Ordinal);

    internal static IReadOnlyList<string> Read(string page) =>
        [.. Statement().Matches(CodeBlock().Replace(page, "")).Select(match => Whitespace().Replace(match.Value.Trim(), " "))];

    // An item begins with a dash or a number, and goes on in lines that are indented; a row follows a row, so that the head isn't one.
    [GeneratedRegex(@"^(?:-|\d+\.) .*(?:\n[ \t]+\S.*)*|(?<=^\|.*\n)\|(?! *-).*", RegexOptions.Multiline | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Statement();

    [GeneratedRegex(@"(?<=`)\w+Tests\.\w+(?=`)", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex TestName();

    [GeneratedRegex(@"^(?:```[^`]*```|    .*)$\n?", RegexOptions.Multiline | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Whitespace();
}
