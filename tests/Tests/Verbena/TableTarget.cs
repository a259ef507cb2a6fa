using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Control;
using Verbena.Dataplane.Cli;

namespace Verbena.Tests.Verbena;

/// <summary>A command table without a data plane behind it: says things, counts, and waits to be interrupted.</summary>
internal sealed class TableTarget : IDisposable
{
    private readonly CommandTable _table = new(NullLogger.Instance);
    private readonly ControlThread _control = new(() => 1, core: null);

    public TableTarget()
    {
        SessionCommands.AddTo(_table);
        _table.Add("say", "<words>", "Says it", words =>
        {
            string rest = words.Rest();
            return session => session.Output.WriteLine(rest);
        });
        _table.Add("show numbers", "<n>", "Prints n lines", words =>
        {
            int count = words.Number("n", 0, 1_000_000);
            return session => session.Output.Write(string.Concat(Enumerable.Range(1, count).Select(i => $"{i}\n")));
        });
        _table.Add("show user", "", "Says who asks", _ => session => session.Output.WriteLine(session.User));
        _table.Add("list|listings", "", "", _ => _ => { });
        _table.Add("show nothing", "", "", _ => _ => { });
        _table.Add(new Command("wait", "", "Waits for an interrupt", _ => WaitAsync));
    }

    /// <summary>Completed when a <c>wait</c> has begun, and when it was interrupted.</summary>
    public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Interrupted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs the lines of a user.</summary>
    public ICommandTarget For(string user) => new ControlTarget(_table, _control, user);

    public void Dispose() => _control.Dispose();

    private async Task WaitAsync(CliSession session)
    {
        await session.Output.WriteLineAsync("waiting");
        await session.Output.FlushAsync();
        Waiting.TrySetResult();
        await Task.Delay(Timeout.Infinite, session.Interrupt).ContinueWith(_ => { }, TaskScheduler.Default);
        Interrupted.TrySetResult();
        throw new CommandException("stopped");
    }
}
