using System.Net.Sockets;
using System.Text;
using Verbena.Dataplane.Cli;

namespace Verbena.Control;

/// <summary>The client's side of the connection to a daemon.</summary>
internal sealed class ControlClient : ICommandTarget, IDisposable
{
    private readonly NetworkStream _stream;

    /// <summary>Connects.</summary>
    /// <param name="path">The daemon's socket, or null for the default.</param>
    /// <exception cref="VerbenaException">No daemon listens there, or this user may not talk to it.</exception>
    public ControlClient(string? path) => _stream = new NetworkStream(ControlSocket.Connect(path), ownsSocket: true);

    public void Dispose() => _stream.Dispose();

    public Task<CommandResult> RunAsync(string line, Func<string, Task> print, CancellationToken interrupt) =>
        line.Length > CommandTable.MaxLineLength
            ? Task.FromResult(new CommandResult($"the line is longer than {CommandTable.MaxLineLength} characters", EndsSession: false))
            : AskAsync(ControlMessageKind.Run, line, print, interrupt);

    public async Task<IReadOnlyList<string>> CompleteAsync(string line) =>
        (await AskTextAsync(ControlMessageKind.Complete, line).ConfigureAwait(false)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public Task<string> HelpAsync(string line) => AskTextAsync(ControlMessageKind.Help, line);

    private async Task<string> AskTextAsync(ControlMessageKind kind, string line)
    {
        var text = new StringBuilder();
        await AskAsync(kind, line, part => Task.FromResult(text.Append(part)), CancellationToken.None).ConfigureAwait(false);
        return text.ToString();
    }

    private async Task<CommandResult> AskAsync(
        ControlMessageKind kind, string line, Func<string, Task> print, CancellationToken interrupt)
    {
        await SendAsync(kind, line).ConfigureAwait(false);
        await using CancellationTokenRegistration registration = interrupt.Register(() => _ = SendAsync(ControlMessageKind.Interrupt, ""));
        while (true)
        {
            ControlMessage message = await ReceiveAsync().ConfigureAwait(false);
            switch (message.Kind)
            {
                case ControlMessageKind.Output:
                    await print(message.Text).ConfigureAwait(false);
                    break;
                case ControlMessageKind.Failed:
                    return new CommandResult(message.Text, EndsSession: false);
                default:
                    return new CommandResult(null, EndsSession: message.Kind == ControlMessageKind.Ended);
            }
        }
    }

    private async Task SendAsync(ControlMessageKind kind, string text)
    {
        try
        {
            await new ControlMessage(kind, text).WriteAsync(_stream, CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new VerbenaException("the daemon has gone", e);
        }
    }

    private async Task<ControlMessage> ReceiveAsync()
    {
        try
        {
            return await ControlMessage.ReadAsync(_stream, CancellationToken.None).ConfigureAwait(false)
                ?? throw new VerbenaException("the daemon has closed the connection");
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new VerbenaException($"the connection to the daemon broke: {e.Message}", e);
        }
    }
}
