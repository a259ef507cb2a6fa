using System.Threading.Channels;
using Verbena.Control;
using Verbena.Terminal;

namespace Verbena;

/// <summary>Feeds lines to a data plane: those that a person types, or those of a script.</summary>
internal static class Shell
{
    private const string Prompt = "verbena# ";

    /// <summary>Talks with a person until they quit.</summary>
    public static async Task RunInteractiveAsync(ICommandTarget target, ITerminal terminal)
    {
        var editor = new LineEditor(terminal, new History(), target, Prompt);
        try
        {
            while (await editor.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                CommandResult result = await RunAsync(target, terminal, line).ConfigureAwait(false);
                if (result.Failure is { } failure)
                {
                    terminal.Write(failure + "\n");
                }

                if (result.EndsSession)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            terminal.Write("\n");
        }
    }

    /// <summary>Runs every line, without prompt or paging. Returns the exit status: 1 if a command failed.</summary>
    public static async Task<int> RunLinesAsync(
        ICommandTarget target, IAsyncEnumerable<string> lines, TextWriter output, TextWriter errors, CancellationToken interrupt)
    {
        int status = 0;
        await foreach (string line in lines.ConfigureAwait(false))
        {
            CommandResult result = await target.RunAsync(line, text => PrintAsync(output, text), interrupt).ConfigureAwait(false);
            if (result.Failure is { } failure)
            {
                await errors.WriteLineAsync(failure).ConfigureAwait(false);
                status = 1;
            }

            if (result.EndsSession || interrupt.IsCancellationRequested)
            {
                break;
            }
        }

        return status;
    }

    /// <summary>Runs one line, and shows its output page by page while it comes.</summary>
    private static async Task<CommandResult> RunAsync(ICommandTarget target, ITerminal terminal, string line)
    {
        var output = Channel.CreateUnbounded<string>();
        var pager = new Pager(terminal);
        using var interrupt = new CancellationTokenSource();
        Task<CommandResult> running = target.RunAsync(line, text => output.Writer.WriteAsync(text).AsTask(), interrupt.Token);
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(5))).ConfigureAwait(false);
            Show();
            if (!interrupt.IsCancellationRequested && (pager.HasQuit || terminal.WasInterrupted()))
            {
                await interrupt.CancelAsync().ConfigureAwait(false);
            }
        }

        Show();
        return await running.ConfigureAwait(false);

        void Show()
        {
            while (output.Reader.TryRead(out string? text))
            {
                pager.Write(text);
            }
        }
    }

    private static async Task PrintAsync(TextWriter output, string text)
    {
        await output.WriteAsync(text).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
    }
}
