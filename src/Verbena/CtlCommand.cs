using System.Runtime.InteropServices;
using Verbena.Control;
using Verbena.Terminal;

namespace Verbena;

/// <summary><c>verbena ctl</c>: the daemon's client.</summary>
internal static class CtlCommand
{
    /// <param name="socket">The daemon's socket, or null for the default.</param>
    /// <param name="words">A command to run, or none: then lines come from the terminal or from standard input.</param>
    /// <returns>The exit status: 1 if a command failed.</returns>
    public static async Task<int> RunAsync(string? socket, IReadOnlyList<string> words)
    {
        using var client = new ControlClient(socket);
        if (words.Count > 0)
        {
            return await RunScriptAsync(client, new[] { string.Join(' ', words) }.ToAsyncEnumerable()).ConfigureAwait(false);
        }

        if (!ConsoleTerminal.IsPresent)
        {
            return await RunScriptAsync(client, StandardInput()).ConfigureAwait(false);
        }

        using var stop = new CancellationTokenSource();
        await Shell.RunInteractiveAsync(client, new ConsoleTerminal(stop.Token)).ConfigureAwait(false);
        return 0;
    }

    /// <summary>Runs lines; Ctrl-C interrupts the command that is running, and ends.</summary>
    public static async Task<int> RunScriptAsync(ICommandTarget target, IAsyncEnumerable<string> lines)
    {
        using var interrupt = new CancellationTokenSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            interrupt.Cancel();
        });
        return await Shell.RunLinesAsync(target, lines, Console.Out, Console.Error, interrupt.Token).ConfigureAwait(false);
    }

    /// <summary>Lines of standard input, as they come.</summary>
    public static async IAsyncEnumerable<string> StandardInput()
    {
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            yield return line;
        }
    }
}
