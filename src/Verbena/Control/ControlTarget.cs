using Verbena.Dataplane.Cli;

namespace Verbena.Control;

/// <summary>Runs one user's lines on the control thread.</summary>
internal sealed class ControlTarget(CommandTable commands, ControlThread thread, string user) : ICommandTarget
{
    public Task<CommandResult> RunAsync(string line, Func<string, Task> print, CancellationToken interrupt) => thread.RunAsync(async () =>
    {
        await using var output = new ChunkWriter(print);
        var session = new CliSession(output, user) { Interrupt = interrupt };
        string? failure = await commands.RunAsync(line, session).ConfigureAwait(true);
        await output.FlushAsync(CancellationToken.None).ConfigureAwait(true);
        return new CommandResult(failure, session.IsOver);
    });

    public Task<IReadOnlyList<string>> CompleteAsync(string line) => thread.RunAsync(() => Task.FromResult(commands.Complete(line)));

    public Task<string> HelpAsync(string line) => thread.RunAsync(() => Task.FromResult(commands.Help(line)));
}
