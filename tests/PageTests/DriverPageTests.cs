namespace Verbena.PageTests;

/// <summary>Holds docs/rdma.md to its word: what it states, a test has just shown.</summary>
public sealed class DriverPageTests
{
    public static TheoryData<string> NamedTests => new(DriverPage.Statements.SelectMany(DriverPage.TestsIn).Distinct(StringComparer.Ordinal));

    [Fact]
    public void Each_statement_names_a_test() =>
        Assert.All(DriverPage.Statements, statement => Assert.NotEmpty(DriverPage.TestsIn(statement)));

    [Theory]
    [MemberData(nameof(NamedTests))]
    public void A_test_that_the_page_names_ran_and_passed(string name)
    {
        string[] outcomes = [.. TestReports.OutcomesOf(name)];
        Assert.True(outcomes.Length > 0, $"docs/rdma.md names {name}, which did not run: no such test, or it was left out");
        Assert.All(outcomes, outcome => Assert.Equal("passed", outcome));
    }

    [Fact]
    public void Items_and_rows_are_statements_and_prose_code_and_heads_are_not()
    {
        const string Page = """
            # Title
            Prose.

            - one
              goes on: `ATests.B`
            - two

                $ - a command

            | head | of a table |
            | --- | --- |
            | row | `CTests.D`, `CTests.E` |
            | last | row |

            1. numbered
            """;
        Assert.Equal<string>(
            ["- one goes on: `ATests.B`", "- two", "| row | `CTests.D`, `CTests.E` |", "| last | row |", "1. numbered"],
            [.. DriverPage.Read(Page)], StringComparer.Ordinal);
        Assert.Equal<string>(
            ["CTests.D", "CTests.E"], [.. DriverPage.TestsIn("| row | `CTests.D`, `CTests.E`, `CTests.D` |")], StringComparer.Ordinal);
    }
}
