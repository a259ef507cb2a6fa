using Microsoft.Extensions.Logging;

namespace Verbena.Dataplane.Cli;

/// <summary>All commands as a tree of words; finds the one that a line means, and runs it.</summary>
/// <remarks>
/// VPP's rule (vlib/cli.c): each word is a unique prefix among its siblings, a whole word beats longer ones; where no
/// sub-command fits, a node that is a command takes the rest as its arguments. Unlike VPP, a line is understood whole
/// before anything is done, and an error names what would have fitted.
/// </remarks>
public sealed partial class CommandTable(ILogger log)
{
    /// <summary>The longest line that is read, in characters.</summary>
    public const int MaxLineLength = 4096;

    private readonly CommandNode _root = new("");
    private readonly List<Command> _commands = [];

    /// <summary>Called after each line that a command was found for, whether it failed or not; lines of <c>exec</c> files too.</summary>
    public Action<CliSession, string>? AfterLine { get; set; }

    /// <summary>Every command, sorted by name.</summary>
    public IReadOnlyList<Command> Commands => _commands;

    /// <exception cref="ArgumentException">The path is another command's already.</exception>
    public void Add(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        CommandNode node = _root;
        foreach (string word in command.Path.Split(' '))
        {
            node = node.GetOrAdd(word.Split('|'));
        }

        node.Command = node.Command is null ? command : throw new ArgumentException($"'{command.Name}' is there already", nameof(command));
        _commands.Add(command);
        _commands.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
    }

    /// <summary>Adds a command whose action prints and is done.</summary>
    public void Add(string path, string arguments, string summary, Func<Words, Action<CliSession>> parse) =>
        Add(new Command(path, arguments, summary, words =>
        {
            Action<CliSession> action = parse(words);
            return session =>
            {
                action(session);
                return Task.CompletedTask;
            };
        }));

    /// <summary>Runs one line. Returns null, or one sentence that says why it failed; never throws.</summary>
    public async Task<string?> RunAsync(string line, CliSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        string name = "";
        try
        {
            string[] words = Split(line);
            if (words is [.., "?"])
            {
                await session.Output.WriteAsync(Help(string.Join(' ', words[..^1]) + " ")).ConfigureAwait(true);
            }
            else if (words.Length > 0)
            {
                CommandAction action = Parse(words, out name);
                await RunAsync(action, session, line).ConfigureAwait(true);
            }

            return null;
        }
        catch (OperationCanceledException)
        {
            return $"{name}: interrupted";
        }
#pragma warning disable CA1031 // whatever a handler throws, the session and the daemon go on
        catch (Exception e)
#pragma warning restore CA1031
        {
            bool expected = e.GetType().Namespace?.StartsWith(nameof(Verbena), StringComparison.Ordinal) == true;
            if (!expected)
            {
                LogUnexpected(log, name, e);
            }

            return name.Length == 0 ? e.Message : $"{name}: {e.Message}";
        }
    }

    /// <summary>Understands a line without running it.</summary>
    /// <exception cref="CommandException">A word is wrong, ambiguous, missing or left over.</exception>
    public Command Find(string line)
    {
        (CommandNode node, _) = Walk(Split(line));
        return node.Command ?? throw new CommandException(node.Expected());
    }

    /// <summary>The words that may stand for the last one of <paramref name="line"/>, which a blank at its end makes a new one.</summary>
    public IReadOnlyList<string> Complete(string line) => [.. Continuations(line).SelectMany(item => item.Candidates)];

    /// <summary>What may come next: the commands below the words typed so far, or what a command expects at this position.</summary>
    public string Help(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var help = new StringWriter();
        (string[] before, string partial) = SplitLast(line);
        if (TryWalk(before) is not var (node, used))
        {
            return "";
        }

        bool leaf = used < before.Length;
        foreach (CommandNode child in leaf ? [] : node.Matches(partial))
        {
            foreach (Command command in child.Descendants())
            {
                help.Write(command.Help);
            }
        }

        if (node.Command is { } own)
        {
            help.Write(own.Help);
            foreach (Expectation item in Expectations(own, before[used..]))
            {
                help.WriteLine($"    {item}");
            }
        }

        return help.ToString();
    }

    private async Task RunAsync(CommandAction action, CliSession session, string line)
    {
        try
        {
            await action(session).ConfigureAwait(true);
        }
        finally
        {
            AfterLine?.Invoke(session, line);
        }
    }

    private CommandAction Parse(string[] words, out string name)
    {
        name = "";
        (CommandNode node, int used) = Walk(words);
        name = node.Path;
        if (node.Command is null)
        {
            throw new CommandException(used == words.Length
                ? $"incomplete, {node.Expected()}"
                : node.Refusal(words[used]));
        }

        var arguments = new Words(words[used..]);
        CommandAction action = node.Command.Parse(arguments);
        arguments.End();
        return action;
    }

    /// <summary>Follows words from the root as far as they are sub-commands. Returns the last node, and how many led there.</summary>
    private (CommandNode Node, int Used) Walk(ReadOnlySpan<string> words)
    {
        CommandNode node = _root;
        for (int i = 0; i < words.Length; i++)
        {
            if (node.Child(words[i]) is not { } child)
            {
                return (node, i);
            }

            node = child;
        }

        return (node, words.Length);
    }

    /// <summary>As <see cref="Walk"/>, but null if a word leads nowhere.</summary>
    private (CommandNode Node, int Used)? TryWalk(string[] words)
    {
        (CommandNode node, int used) = Walk(words);
        return used == words.Length || node.Command is not null ? (node, used) : null;
    }

    private IEnumerable<Expectation> Continuations(string line)
    {
        (string[] before, string partial) = SplitLast(line);
        if (TryWalk(before) is not var (node, used))
        {
            return [];
        }

        IEnumerable<Expectation> commands = used < before.Length
            ? []
            : node.Completions(partial).Select(word => new Expectation(word, [word]));
        IEnumerable<Expectation> arguments = node.Command is null
            ? []
            : Expectations(node.Command, before[used..]).Select(item => item with
            {
                Candidates = [.. item.Candidates.Where(word => word.StartsWith(partial, StringComparison.Ordinal))],
            });
        return commands.Concat(arguments);
    }

    /// <summary>Lets the command's own parser say what it would take behind <paramref name="words"/>.</summary>
    private static IReadOnlyList<Expectation> Expectations(Command command, string[] words)
    {
        var arguments = new Words(words);
        try
        {
            command.Parse(arguments);
        }
        catch (CommandException)
        {
            // The line is not complete; what was expected is what we are here for.
        }

        return arguments.AtEnd ? arguments.Expected : [];
    }

    private static string[] Split(string line) => line.Length <= MaxLineLength
        ? line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        : throw new CommandException($"the line is longer than {MaxLineLength} characters");

    private static (string[] Before, string Partial) SplitLast(string line)
    {
        string[] words = line.Length <= MaxLineLength ? Split(line) : [];
        bool newWord = words.Length == 0 || char.IsWhiteSpace(line[^1]);
        return newWord ? (words, "") : (words[..^1], words[^1]);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "command '{Command}' failed unexpectedly")]
    private static partial void LogUnexpected(ILogger logger, string command, Exception exception);
}
