namespace Verbena.Control;

/// <summary>The daemon's side of one client's connection.</summary>
internal sealed class ControlSession(Stream stream, ICommandTarget target, CancellationToken stop) : IDisposable
{
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(stop);
    private CancellationTokenSource _interrupt = new();
    private Task _running = Task.CompletedTask;
    private volatile bool _busy;

    /// <summary>Serves the client until it goes, or ends the session. What it left running is interrupted.</summary>
    /// <exception cref="InvalidDataException">The client does not speak the protocol.</exception>
    public async Task ServeAsync()
    {
        try
        {
            // Reading goes on while a command runs, so that an interrupt or the client's end is noticed.
            while (await ControlMessage.ReadAsync(stream, _end.Token).ConfigureAwait(false) is { } message)
            {
                if (message.Kind == ControlMessageKind.Interrupt)
                {
                    await _interrupt.CancelAsync().ConfigureAwait(false);
                }
                else
                {
                    Start(message);
                }
            }
        }
        finally
        {
            await _interrupt.CancelAsync().ConfigureAwait(false);
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // its client is no longer there to be told
        }
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _end.Dispose();
    }

    private void Start(ControlMessage message)
    {
        if (_busy)
        {
            throw new InvalidDataException("it did not wait for an answer");
        }

        _busy = true;
        _interrupt.Dispose();
        _interrupt = new CancellationTokenSource();
        _running = AnswerAsync(message, _interrupt.Token);
    }

    private async Task AnswerAsync(ControlMessage message, CancellationToken interrupt)
    {
        ControlMessage answer = message.Kind switch
        {
            ControlMessageKind.Run => await RunAsync(message.Text, interrupt).ConfigureAwait(false),
            ControlMessageKind.Complete => await PrintAsync(
                string.Join('\n', await target.CompleteAsync(message.Text).ConfigureAwait(false))).ConfigureAwait(false),
            ControlMessageKind.Help => await PrintAsync(
                await target.HelpAsync(message.Text).ConfigureAwait(false)).ConfigureAwait(false),
            _ => new ControlMessage(ControlMessageKind.Failed, "this is not for a client to say"),
        };
        _busy = false; // before the answer: the client may go on as soon as it has it
        await SendAsync(answer).ConfigureAwait(false);
        if (answer.Kind == ControlMessageKind.Ended)
        {
            await _end.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task<ControlMessage> RunAsync(string line, CancellationToken interrupt)
    {
        CommandResult result = await target.RunAsync(
            line, text => SendAsync(new ControlMessage(ControlMessageKind.Output, text)), interrupt).ConfigureAwait(false);
        return result switch
        {
            { Failure: { } failure } => new ControlMessage(ControlMessageKind.Failed, failure),
            { EndsSession: true } => new ControlMessage(ControlMessageKind.Ended, ""),
            _ => new ControlMessage(ControlMessageKind.Succeeded, ""),
        };
    }

    private async Task<ControlMessage> PrintAsync(string text)
    {
        await SendAsync(new ControlMessage(ControlMessageKind.Output, text)).ConfigureAwait(false);
        return new ControlMessage(ControlMessageKind.Succeeded, "");
    }

    private async Task SendAsync(ControlMessage message) => await message.WriteAsync(stream, _end.Token).ConfigureAwait(false);
}
