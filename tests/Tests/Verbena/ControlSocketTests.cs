using System.Net.Sockets;
using System.Text;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Control;

namespace Verbena.Tests.Verbena;

public sealed class ControlSocketTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("verbena-").FullName;
    private readonly TableTarget _target = new();
    private ControlServer _server = null!;

    private string Path => System.IO.Path.Combine(_directory, "run", "cli.sock");

    public ValueTask InitializeAsync()
    {
        _server = new ControlServer(Path, _target.For, NullLogger.Instance);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.False(File.Exists(Path));
        _target.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void The_socket_is_for_its_owner_and_group() => Assert.Equal("0660", Convert.ToString((int)File.GetUnixFileMode(Path), 8).PadLeft(4, '0'));

    [Fact]
    public async Task A_command_answers_and_succeeds()
    {
        using var client = new ControlClient(Path);
        Assert.Equal((null, "hello world\n"), await RunAsync(client, "say hello world"));
        Assert.Equal((null, ""), await RunAsync(client, ""));
    }

    [Fact]
    public async Task Who_asks_is_known_from_the_kernel()
    {
        using var client = new ControlClient(Path);
        Assert.Equal((null, Credentials.Own + "\n"), await RunAsync(client, "show user"));
        Assert.EndsWith($" pid {Environment.ProcessId}", Credentials.Own, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_command_fails_with_the_sentence_and_the_next_one_works()
    {
        using var client = new ControlClient(Path);
        (string? failure, string output) = await RunAsync(client, "show foo");
        Assert.Equal("show: unknown input `foo', expected nothing, numbers or user", failure);
        Assert.Empty(output);
        Assert.Equal((null, "still here\n"), await RunAsync(client, "say still here"));
    }

    [Fact]
    public async Task Much_output_arrives_whole()
    {
        using var client = new ControlClient(Path);
        (_, string output) = await RunAsync(client, "show numbers 100000");
        Assert.Equal(100_000, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.EndsWith("99999\n100000\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quit_ends_the_session_only()
    {
        using var client = new ControlClient(Path);
        CommandResult result = await client.RunAsync("quit", _ => Task.CompletedTask, CancellationToken.None);
        Assert.True(result.EndsSession);
        using var next = new ControlClient(Path);
        Assert.Equal((null, "hello\n"), await RunAsync(next, "say hello"));
    }

    [Fact]
    public async Task Completion_and_help_come_from_the_daemon()
    {
        using var client = new ControlClient(Path);
        Assert.Equal(["nothing", "numbers"], await client.CompleteAsync("show n"));
        Assert.Contains("Waits for an interrupt", await client.HelpAsync("w"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_streams_and_an_interrupt_ends_the_command()
    {
        using var client = new ControlClient(Path);
        using var interrupt = new CancellationTokenSource();
        CommandResult result = await client.RunAsync("wait", text =>
        {
            Assert.Equal("waiting\n", text); // it comes while the command runs
            return interrupt.CancelAsync();
        }, interrupt.Token);
        Assert.Equal("wait: stopped", result.Failure);
    }

    [Fact]
    public async Task A_client_that_goes_away_interrupts_its_command()
    {
        using (var client = new ControlClient(Path))
        {
            _ = client.RunAsync("wait", _ => Task.CompletedTask, CancellationToken.None).ContinueWith(_ => { }, TaskScheduler.Default);
            await _target.Waiting.Task;
        }

        await _target.Interrupted.Task;
    }

    [Fact]
    public async Task While_one_client_waits_others_are_served()
    {
        using var waiting = new ControlClient(Path);
        _ = waiting.RunAsync("wait", _ => Task.CompletedTask, CancellationToken.None).ContinueWith(_ => { }, TaskScheduler.Default);
        await _target.Waiting.Task;
        using var other = new ControlClient(Path);
        Assert.Equal((null, "hello\n"), await RunAsync(other, "say hello"));
    }

    [Fact]
    public async Task More_clients_than_sessions_are_served_one_after_the_other()
    {
        string?[] failures = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(async () =>
        {
            using var client = new ControlClient(Path);
            return (await RunAsync(client, "say hello")).Failure;
        })));
        Assert.All(failures, Assert.Null);
    }

    [Fact]
    public async Task A_client_beyond_the_last_session_waits_until_one_goes()
    {
        ControlClient[] clients = [.. Enumerable.Range(0, 64).Select(_ => new ControlClient(Path))];
        using var waiting = new ControlClient(Path);
        Task<(string? Failure, string Output)> answer = RunAsync(waiting, "say at last");
        Assert.All(await Task.WhenAll(clients.Select(client => RunAsync(client, "say hello"))), item => Assert.Null(item.Failure));
        Assert.False(answer.IsCompleted);
        Array.ForEach(clients, client => client.Dispose());
        Assert.Equal((null, "at last\n"), await answer);
    }

    [Fact]
    public async Task Clients_that_could_not_be_served_leave_no_session_behind()
    {
        int clients = 0;
        string path = System.IO.Path.Combine(_directory, "refusing.sock");
        await using var server = new ControlServer(path, user => ++clients <= 64 ? throw new IOException("not this one") : _target.For(user), NullLogger.Instance);
        for (int i = 0; i < 64; i++)
        {
            using var refused = new ControlClient(path);
            await Assert.ThrowsAsync<VerbenaException>(() => RunAsync(refused, "say hello"));
        }

        using var client = new ControlClient(path);
        Assert.Equal((null, "hello\n"), await RunAsync(client, "say hello").WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_second_daemon_is_refused_while_the_first_lives()
    {
        VerbenaException e = Assert.Throws<VerbenaException>(() => ControlSocket.Listen(Path));
        Assert.Contains("another daemon listens there", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path));
    }

    [Fact]
    public void The_socket_of_a_dead_daemon_is_replaced()
    {
        string path = System.IO.Path.Combine(_directory, "stale.sock");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path));
            dead.Listen();
            File.Move(path, path + ".kept"); // .NET deletes the file of a socket it closes; a killed daemon does not
        }

        File.Move(path + ".kept", path);
        using Socket listener = ControlSocket.Listen(path);
        Assert.True(listener.IsBound);
    }

    [Fact]
    public void A_file_that_is_no_socket_is_left_alone()
    {
        string path = System.IO.Path.Combine(_directory, "file");
        File.WriteAllText(path, "");
        Assert.Throws<VerbenaException>(() => ControlSocket.Listen(path));
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void No_daemon_is_said_in_a_sentence_that_helps()
    {
        string path = System.IO.Path.Combine(_directory, "none.sock");
        VerbenaException e = Assert.Throws<VerbenaException>(() => new ControlClient(path));
        Assert.Equal($"no daemon listens on {path}: start one with 'verbena start', or name its --socket", e.Message);
    }

    [Fact]
    public async Task Bytes_that_mean_nothing_harm_nobody()
    {
        Gen.Byte.Array[0, 2000].Sample(Send, iter: 100);
        Send([.. Enumerable.Repeat((byte)'R', 1_000_000)]);                    // a length of 0x52525252
        Send([(byte)'R', 0, 0, 0, 5, .. "say a"u8, (byte)'R', 0, 0, 0, 5, .. "say b"u8]);  // does not wait
        Send([(byte)'O', 0, 0, 0, 1, (byte)'x']);                              // the daemon's word
        Send([(byte)'R', 0, 0, 0, 4, 0xFF, 0xFE, 0, 0x80]);                    // no UTF-8
        using var client = new ControlClient(Path);
        Assert.Equal((null, "alive\n"), await RunAsync(client, "say alive"));
    }

    [Fact]
    public async Task A_script_ends_with_1_if_any_of_its_commands_failed()
    {
        using var client = new ControlClient(Path);
        Assert.Equal(0, await RunScriptAsync(client, "say a", "say b"));
        Assert.Equal(1, await RunScriptAsync(client, "foo", "say b"));
    }

    [Fact]
    public async Task An_oversized_line_is_refused_by_the_client_already()
    {
        using var client = new ControlClient(Path);
        (string? failure, _) = await RunAsync(client, new string('x', 1 << 20));
        Assert.Equal("the line is longer than 4096 characters", failure);
        Assert.Equal((null, "alive\n"), await RunAsync(client, "say alive"));
    }

    private void Send(byte[] bytes)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path));
        try
        {
            socket.Send(bytes);
        }
        catch (SocketException)
        {
            // The server has hung up before it was through.
        }
    }

    private static async Task<(string? Failure, string Output)> RunAsync(ControlClient client, string line)
    {
        var output = new StringBuilder();
        CommandResult result = await client.RunAsync(line, text => Task.FromResult(output.Append(text)), CancellationToken.None);
        return (result.Failure, output.ToString());
    }

    private static async Task<int> RunScriptAsync(ControlClient client, params string[] lines) =>
        await Shell.RunLinesAsync(client, lines.ToAsyncEnumerable(), TextWriter.Null, TextWriter.Null, CancellationToken.None);
}
