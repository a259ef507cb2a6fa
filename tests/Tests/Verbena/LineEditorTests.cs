using Verbena.Terminal;

namespace Verbena.Tests.Verbena;

public sealed class LineEditorTests : IDisposable
{
    private readonly TableTarget _target = new();
    private readonly History _history = new();

    public void Dispose() => _target.Dispose();

    [Theory]
    [InlineData("show int\n", "show int")]
    [InlineData("ow^Ash^E int\n", "show int")]
    [InlineData("shw{LeftArrow}o\n", "show")]
    [InlineData("shox{Backspace}w\n", "show")]
    [InlineData("xshow{Home}{Delete}\n", "show")]
    [InlineData("show this^Wthat\n", "show that")]
    [InlineData("something^Ushow\n", "show")]
    [InlineData("show it^B^B^K\n", "show ")]
    [InlineData("nonsense^Cshow\n", "show")]
    [InlineData("{LeftArrow}{Backspace}{Delete}^W^Kx{RightArrow}\n", "x")]
    public async Task Keys_edit_the_line(string keys, string line) => Assert.Equal(line, await ReadAsync(keys));

    [Theory]
    [InlineData("sa{Tab}hello\n", "say hello")]               // one: the word and a blank
    [InlineData("show n{Tab}\n", "show n")]                   // nothing in common beyond what is there
    [InlineData("show nu{Tab}5\n", "show numbers 5")]
    [InlineData("xyz{Tab}\n", "xyz")]
    [InlineData("show\u00a0nu{Tab}\n", "show\u00a0nu")]       // a blank to the table, not to the editor
    [InlineData("exit{Tab}\n", "exit ")]                      // the other spelling of a shorter word
    [InlineData("listings{Tab}\n", "listings ")]              // a longer spelling than the first
    [InlineData("exi{Tab}\n", "exit ")]
    public async Task Tab_completes(string keys, string line) => Assert.Equal(line, await ReadAsync(keys));

    [Fact]
    public async Task Tab_lists_what_is_possible()
    {
        var terminal = new ScriptedTerminal("show n{Tab}\n");
        await ReadAsync(terminal);
        Assert.Contains("nothing  numbers\n", terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_mark_helps_without_Enter_and_leaves_the_line()
    {
        var terminal = new ScriptedTerminal("show ?nothing\n");
        Assert.Equal("show nothing", await ReadAsync(terminal));
        Assert.Contains("show numbers <n>", terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_goes_back_and_forth_without_repeats_and_blanks()
    {
        foreach (string line in (string[])["first\n", "second\n", "second\n", " \n"])
        {
            await ReadAsync(line);
        }

        Assert.Equal(["first", "second"], _history.Lines);
        Assert.Equal("first", await ReadAsync("{UpArrow}{UpArrow}\n"));
        Assert.Equal("draft", await ReadAsync("draft{UpArrow}{UpArrow}{DownArrow}{DownArrow}{DownArrow}\n"));
        Assert.Equal("second", await ReadAsync("co^R\n"));
    }

    [Fact]
    public async Task Control_R_searches_and_again_searches_further_back()
    {
        foreach (string line in (string[])["ping a\n", "show b\n", "ping c\n", "show d\n"])
        {
            await ReadAsync(line);
        }

        Assert.Equal("ping c", await ReadAsync("ping^R\n"));
        Assert.Equal("ping a", await ReadAsync("pi^R^R^R^R\n")); // "ping c" is there twice now, and the first stays
        Assert.Equal("show b", await ReadAsync("b^R\n"));
        Assert.Equal("nothing", await ReadAsync("nothing^R\n"));
    }

    [Fact]
    public async Task Help_longer_than_the_screen_stops_there_too()
    {
        var terminal = new ScriptedTerminal("?qsay\n") { Height = 4 };
        Assert.Equal("say", await ReadAsync(terminal));
        Assert.Contains("-- more --", terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_D_on_an_empty_line_ends_the_session() => Assert.Null(await ReadAsync("^D"));

    [Fact]
    public async Task A_line_wider_than_the_screen_shows_the_part_around_the_cursor()
    {
        var terminal = new ScriptedTerminal("abcdefghijklmnopqrstuvwxyz\n") { Width = 20 };
        Assert.Equal("abcdefghijklmnopqrstuvwxyz", await ReadAsync(terminal));
        Assert.All(terminal.Screen.Split('\r'), row => Assert.True(row.Replace("\e[K", "", StringComparison.Ordinal).TrimEnd('\n').Length < 20));
    }

    [Fact]
    public async Task Long_output_stops_at_each_screen_and_q_leaves_it()
    {
        var terminal = new ScriptedTerminal("show numbers 100\n qquit\n") { Height = 11 };
        await Shell.RunInteractiveAsync(_target.For("a test"), terminal);
        Assert.Contains("\n10\n", terminal.Screen, StringComparison.Ordinal);
        Assert.Contains("\n20\n-- more --", terminal.Screen, StringComparison.Ordinal);
        Assert.DoesNotContain("\n21\n", terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_that_just_fits_the_screen_does_not_stop()
    {
        var terminal = new ScriptedTerminal("show numbers 10\nquit\n") { Height = 11 };
        await Shell.RunInteractiveAsync(_target.For("a test"), terminal);
        Assert.DoesNotContain("-- more --", terminal.Screen, StringComparison.Ordinal);
        Assert.EndsWith("quit\e[K\n", terminal.Screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_is_shown_and_the_prompt_comes_back()
    {
        var terminal = new ScriptedTerminal("foo\nsay bar\nquit\n");
        await Shell.RunInteractiveAsync(_target.For("a test"), terminal);
        Assert.Contains("unknown input `foo', expected ", terminal.Screen, StringComparison.Ordinal);
        Assert.Contains("\nbar\n", terminal.Screen, StringComparison.Ordinal);
    }

    private Task<string?> ReadAsync(string keys) => ReadAsync(new ScriptedTerminal(keys));

    private Task<string?> ReadAsync(ScriptedTerminal terminal) =>
        new LineEditor(terminal, _history, _target.For("a test"), "> ").ReadLineAsync();
}
