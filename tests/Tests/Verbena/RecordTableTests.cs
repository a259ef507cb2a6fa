using Verbena.Nic;

namespace Verbena.Tests.Verbena;

public sealed class RecordTableTests
{
    private const string Line = """
        {"time":5,"wall":"2026-11-24T14:45:00.5000000Z","pid":77,"device":"mlx5_0","verb":"CQ_CREATE","object":"CQ",
        "in":{"cqe":63,"mlx5":{"buf_addr":"0x7f00","cqe_size":64},"list":[1,{"a":2}]},"out":{"handle":4},"context":2,"answer":"ok","duration":12500}
        """;

    private static RecordedVerb Parse(string line)
    {
        Assert.True(RecordedVerb.TryParse(line, out RecordedVerb? verb), line);
        return verb;
    }

    [Fact]
    public void A_line_is_told_in_words()
    {
        RecordedVerb verb = Parse(Line);
        Assert.Equal((77, "CQ_CREATE"), (verb.Pid, verb.Verb));
        Assert.Equal("mlx5_0/2 cqe=63 mlx5{buf_addr=0x7f00 cqe_size=64} list[1 {a=2}]", verb.What);
        Assert.Equal("ok 12.5µs handle=4", verb.Answer);
    }

    [Fact]
    public void A_refusal_is_told_with_its_reason() =>
        Assert.Equal("EINVAL 1.0µs (port 2)", Parse("""
            {"wall":"2026-11-24T14:45:00Z","pid":1,"device":"d","verb":"V","answer":"EINVAL","reason":"port 2","duration":1000}
            """).Answer);

    [Theory]
    [InlineData("")]
    [InlineData("{\"time\":1,\"wall\":\"2026-11-24T14:45")]
    [InlineData("[1]")]
    [InlineData("{}")]
    [InlineData("{\"wall\":\"never\",\"pid\":1,\"device\":\"d\",\"verb\":\"V\"}")]
    public void A_broken_line_is_no_record(string line) => Assert.False(RecordedVerb.TryParse(line, out _));

    [Fact]
    public void Rows_are_cut_to_the_terminal_and_times_count_from_the_first()
    {
        var table = new RecordTable(100);
        RecordedVerb verb = Parse(Line);
        string first = table.Row(verb with { What = new string('w', 200) });
        string second = table.Row(verb with { Time = verb.Time.AddMilliseconds(1.5), What = "w" });
        Assert.StartsWith("    0.000000      77 CQ_CREATE", first, StringComparison.Ordinal);
        Assert.StartsWith("    0.001500", second, StringComparison.Ordinal);
        Assert.Contains("w…", first, StringComparison.Ordinal);
        Assert.All(new[] { table.Header, first, second }, line => Assert.True(line.Length <= 100, line));
        Assert.Equal(first.IndexOf("ok 12.5", StringComparison.Ordinal), second.IndexOf("ok 12.5", StringComparison.Ordinal));
        Assert.Equal(table.Header.IndexOf("answer", StringComparison.Ordinal), second.IndexOf("ok 12.5", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_a_terminal_nothing_is_cut() =>
        Assert.Contains(new string('w', 500), new RecordTable(null).Row(Parse(Line) with { What = new string('w', 500) }), StringComparison.Ordinal);
}
