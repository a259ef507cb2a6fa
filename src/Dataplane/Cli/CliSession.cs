namespace Verbena.Dataplane.Cli;

/// <summary>One user's conversation with the command table: where answers go, and how a running command is told to stop.</summary>
/// <param name="output">Takes what commands print, as they print it.</param>
/// <param name="user">Who types, as the log is to name them.</param>
public sealed class CliSession(TextWriter output, string user)
{
    public TextWriter Output { get; } = output;

    public string User { get; } = user;

    /// <summary>Cancelled when the user interrupts the command that is running.</summary>
    public CancellationToken Interrupt { get; set; }

    /// <summary>True once <c>quit</c> was typed: no more lines are read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>How many <c>exec</c> files deep the line being run is.</summary>
    public int ExecDepth { get; internal set; }

    public void End() => IsOver = true;
}
