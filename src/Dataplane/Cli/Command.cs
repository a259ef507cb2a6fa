namespace Verbena.Dataplane.Cli;

/// <summary>What a command does once all its words are understood. Runs on the control thread.</summary>
/// <remarks>A failure is a <see cref="CommandException"/>, or any exception whose message is fit for the user.</remarks>
public delegate Task CommandAction(CliSession session);

/// <summary>Reads a command's arguments and returns what to do. It changes nothing: completion calls it too.</summary>
/// <remarks>The table refuses the command if a word is left unread, so an action only ever runs on a line understood whole.</remarks>
public delegate CommandAction CommandParser(Words words);

/// <summary>One entry of the command table.</summary>
/// <param name="Path">Its words; a word's other spelling follows a bar: <c>show ip neighbors|neighbor</c>.</param>
/// <param name="Arguments">The arguments as help shows them: <c>&lt;interface&gt; up|down</c>.</param>
/// <param name="Summary">One line of help.</param>
/// <param name="Parse">Reads the arguments.</param>
public sealed record Command(string Path, string Arguments, string Summary, CommandParser Parse)
{
    /// <summary>The path in its first spelling: <c>show ip neighbors</c>.</summary>
    public string Name { get; } = string.Join(' ', Path.Split(' ').Select(word => word.Split('|')[0]));

    /// <summary>Name and arguments, as typed.</summary>
    public string Usage => Arguments.Length == 0 ? Name : $"{Name} {Arguments}";

    /// <summary>Its line of help, or two where the arguments need one for themselves (vlib/cli.c: <c>  %-40s %s</c>).</summary>
    public string Help => $"  {Usage,-UsageColumns}{(Usage.Length > UsageColumns ? "\n".PadRight(UsageColumns + 3) : "")} {Summary}\n";

    private const int UsageColumns = 40;
}

/// <summary>A command failed; the message is one sentence for the user.</summary>
public sealed class CommandException : Exception
{
    public CommandException()
    {
    }

    public CommandException(string message)
        : base(message)
    {
    }

    public CommandException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
