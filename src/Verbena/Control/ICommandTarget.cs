namespace Verbena.Control;

/// <summary>Where a shell's lines are run: the data plane of this process, or a daemon behind a socket.</summary>
internal interface ICommandTarget
{
    /// <summary>Runs one line; one at a time.</summary>
    /// <param name="line">What the user typed.</param>
    /// <param name="print">Takes what the command prints, piece by piece.</param>
    /// <param name="interrupt">Cancelled when the user interrupts the command.</param>
    Task<CommandResult> RunAsync(string line, Func<string, Task> print, CancellationToken interrupt);

    /// <summary>The words that may stand for the last one of <paramref name="line"/>.</summary>
    Task<IReadOnlyList<string>> CompleteAsync(string line);

    /// <summary>Help on what may follow <paramref name="line"/>.</summary>
    Task<string> HelpAsync(string line);
}

/// <summary>How a line ended.</summary>
/// <param name="Failure">Null, or one sentence that says why it failed.</param>
/// <param name="EndsSession">The user wants no more.</param>
internal readonly record struct CommandResult(string? Failure, bool EndsSession);
