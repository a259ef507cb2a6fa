using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Verbena.Commands;
using Verbena.Control;
using Verbena.Terminal;

namespace Verbena;

/// <summary><c>verbena</c> alone: a data plane with a prompt, for as long as the prompt is there.</summary>
internal static class InteractiveCommand
{
    /// <param name="options">What the data plane is started with.</param>
    /// <param name="startup">A file of commands to run first, or null.</param>
    /// <returns>The exit status: 1 if a command that did not come from a terminal failed.</returns>
    public static async Task<int> RunAsync(DataPlaneOptions options, string? startup)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true; // the interfaces are deleted first
            stop.Cancel();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var ring = new LogRing(TimeProvider.System);
        using ILoggerFactory logs = LoggerFactory.Create(builder => builder.AddProvider(ring)); // a console would disturb the prompt
        using var dataPlane = new DataPlane(options, logs, ring);
        ICommandTarget target = dataPlane.For(Credentials.Own);
        if (startup is not null)
        {
            int status = await RunLinesAsync(target, new[] { "exec " + startup }.ToAsyncEnumerable(), stop.Token).ConfigureAwait(false);
            if (status != 0)
            {
                return status;
            }
        }

        if (!ConsoleTerminal.IsPresent)
        {
            return await RunLinesAsync(target, CtlCommand.StandardInput(), stop.Token).ConfigureAwait(false);
        }

        var terminal = new ConsoleTerminal(stop.Token);
        terminal.Write($"{SystemCommands.Version}; ? lists the commands\n");
        await Shell.RunInteractiveAsync(target, terminal).ConfigureAwait(false);
        return 0;
    }

    private static Task<int> RunLinesAsync(ICommandTarget target, IAsyncEnumerable<string> lines, CancellationToken stop) =>
        Shell.RunLinesAsync(target, lines, Console.Out, Console.Error, stop);
}
