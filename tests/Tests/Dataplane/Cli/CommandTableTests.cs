using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane.Cli;

namespace Verbena.Tests.Dataplane.Cli;

public sealed class CommandTableTests : IDisposable
{
    private readonly CommandTable _table = new(NullLogger.Instance);
    private readonly List<string> _done = [];
    private readonly StringWriter _output = new();

    public CommandTableTests()
    {
        SessionCommands.AddTo(_table);
        Add("show ip fib", "");
        Add("show ip neighbors|neighbor", "");
        Add("show ip6 fib", "");
        Add("show interface", "[<interface>]");
        Add("show interface address", "");
        Add("show errors", "");
        Add("clear interfaces|interface", "");
        Add("clear errors", "");
        _table.Add("set state", "<interface> up|down", "", words =>
        {
            string name = words.Value<string>("an interface", Known, "rdma-0", "rdma-1");
            string state = words.Keyword("up", "down");
            return _ => _done.Add($"set state {name} {state}");
        });
        _table.Add("explode", "", "", _ => _ => throw new NotSupportedException("boom"));
    }

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Any_unambiguous_prefix_of_each_word_means_the_same_command()
    {
        Gen.Select(Gen.Int[0, _table.Commands.Count - 1], Gen.Int[1, 20].Array[3]).Sample((index, lengths) =>
        {
            Command command = _table.Commands[index];
            string[] words = command.Name.Split(' ');
            for (int i = 0; i < words.Length; i++)
            {
                string shorter = words[i][..Math.Min(words[i].Length, lengths[i])];
                string before = string.Join(' ', words[..i].Append(""));
                bool unambiguous = _table.Complete(before + shorter).Count == 1;
                words[i] = unambiguous ? shorter : words[i];
            }

            Assert.Same(command, _table.Find(string.Join(' ', words)));
        });
    }

    [Theory]
    [InlineData("sh int", "show interface")]
    [InlineData("sh int addr", "show interface address")]
    [InlineData("show ip fib", "show ip fib")]          // a whole word beats the longer ip6
    [InlineData("sh ip neigh", "show ip neighbors")]    // both spellings are one command
    [InlineData("show ip neighbor", "show ip neighbors")]
    [InlineData("  clear\tint  ", "clear interfaces")]
    [InlineData("q", "quit")]
    [InlineData("exit", "quit")]
    public void VPPs_abbreviations_work(string line, string command) => Assert.Equal(command, _table.Find(line).Name);

    [Theory]
    [InlineData("foo", "unknown input `foo', expected clear, comment, exec, explode, help, quit, set or show")]
    [InlineData("e", "ambiguous input `e', expected exec, explode or quit")]
    [InlineData("show", "show: incomplete, expected errors, interface, ip or ip6")]
    [InlineData("show foo", "show: unknown input `foo', expected errors, interface, ip or ip6")]
    [InlineData("show i", "show: ambiguous input `i', expected interface, ip or ip6")]
    [InlineData("show errors now", "show errors: nothing more expected, got `now'")]
    [InlineData("set state", "set state: expected an interface (rdma-0, rdma-1)")]
    [InlineData("set state eth0 up", "set state: expected an interface (rdma-0, rdma-1), got `eth0'")]
    [InlineData("set state rdma-0 sideways", "set state: expected up or down, got `sideways'")]
    [InlineData("set state rdma-0 up foo", "set state: nothing more expected, got `foo'")]
    [InlineData("set state rdma-0 up show errors", "set state: nothing more expected, got `show'")]
    [InlineData("Show errors", "unknown input `Show', expected clear, comment, exec, explode, help, quit, set or show")]
    public async Task A_wrong_word_is_answered_with_what_was_expected_and_changes_nothing(string line, string failure)
    {
        Assert.Equal(failure, await RunAsync(line));
        Assert.Empty(_done);
    }

    [Fact]
    public async Task A_command_runs_with_the_arguments_it_was_given()
    {
        Assert.Null(await RunAsync("se st rdma-1 down"));
        Assert.Equal(["set state rdma-1 down"], _done);
    }

    [Fact]
    public async Task An_exception_of_a_handler_is_a_failure_of_its_command_only()
    {
        Assert.Equal("explode: boom", await RunAsync("explode"));
        Assert.Null(await RunAsync("comment still here"));
    }

    [Fact]
    public async Task An_oversized_line_is_refused() =>
        Assert.Equal("the line is longer than 4096 characters", await RunAsync(new string('x', 1 << 20)));

    [Fact]
    public void No_input_is_too_strange_for_an_answer() => Gen.String.Sample(line =>
    {
        bool answered = RunAsync(line).IsCompleted;
        _table.Complete(line);
        _table.Help(line);
        Assert.True(answered);
    });

    [Theory]
    [InlineData("sh", "show")]
    [InlineData("show i", "interface ip ip6")]
    [InlineData("show interface a", "address")]
    [InlineData("ex", "exec exit explode")]              // the spelling that was begun
    [InlineData("clear interface", "interfaces")]
    [InlineData("show ip neighbors", "neighbors")]
    [InlineData("exit", "exit")]
    [InlineData("set state ", "rdma-0 rdma-1")]
    [InlineData("set state rdma-0 ", "up down")]
    [InlineData("set state rdma-0 d", "down")]
    [InlineData("set state rdma-0 up ", "")]
    [InlineData("set state eth0 ", "")]
    [InlineData("nonsense ", "")]
    public void Completion_offers_what_the_parser_would_take(string line, string candidates) =>
        Assert.Equal(candidates, string.Join(' ', _table.Complete(line)));

    [Fact]
    public async Task A_question_mark_lists_what_may_come_next()
    {
        Assert.Null(await RunAsync("set state rdma-0 ?"));
        string[] lines = _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("  set state <interface> up|down", lines[0].TrimEnd());
        Assert.Equal(["    up", "    down"], lines[1..]);
    }

    [Fact]
    public async Task Exec_stops_at_the_first_failure_and_names_the_line()
    {
        string file = Path.GetTempFileName();
        await WriteAsync(file, "# a remark\nset state rdma-0 up # and one behind\n\nset state rdma-0 off\nset state rdma-0 down\n");
        string? failure = await RunAsync("exec " + file);
        File.Delete(file);
        Assert.Equal($"exec: {file}, line 4: set state: expected up or down, got `off'", failure);
        Assert.Equal(["set state rdma-0 up"], _done);
    }

    [Fact]
    public async Task An_exec_file_that_executes_itself_ends_with_an_error()
    {
        string file = Path.GetTempFileName();
        await WriteAsync(file, "exec " + file);
        string? failure = await RunAsync("exec " + file);
        File.Delete(file);
        Assert.EndsWith("is nested more than 8 files deep", failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nonexistent/file")]
    [InlineData("/dev/zero")]
    [InlineData("/")]
    public async Task A_file_that_cannot_be_read_is_said_to_be_so(string file) =>
        Assert.StartsWith($"exec: can't read {file}: ", await RunAsync("exec " + file), StringComparison.Ordinal);

    private static Task WriteAsync(string file, string text) =>
        File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);

    private Task<string?> RunAsync(string line) => _table.RunAsync(line, new CliSession(_output, "a test"));

    private static bool Known(string word, out string name) => (name = word).StartsWith("rdma-", StringComparison.Ordinal);

    private void Add(string path, string arguments) => _table.Add(path, arguments, "", _ => _ => _done.Add(path));
}
