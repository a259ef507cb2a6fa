namespace Verbena.Dataplane.Cli;

/// <summary>A word of the command tree.</summary>
internal sealed class CommandNode(string path)
{
    private readonly SortedDictionary<string, CommandNode> _children = new(StringComparer.Ordinal); // other spellings included

    /// <summary>The words from the root to here, each in its first spelling.</summary>
    public string Path { get; } = path;

    public string Word => Path[(Path.LastIndexOf(' ') + 1)..];

    /// <summary>The command that ends here, if one does.</summary>
    public Command? Command { get; set; }

    /// <summary>The child of these spellings, made if it is not there.</summary>
    public CommandNode GetOrAdd(string[] spellings)
    {
        if (!_children.TryGetValue(spellings[0], out CommandNode? child))
        {
            child = new CommandNode(Path.Length == 0 ? spellings[0] : $"{Path} {spellings[0]}");
        }

        foreach (string spelling in spellings)
        {
            _children[spelling] = child;
        }

        return child;
    }

    /// <summary>The child that <paramref name="word"/> means: the one so called, or the only one that begins so.</summary>
    public CommandNode? Child(string word)
    {
        if (_children.TryGetValue(word, out CommandNode? exact))
        {
            return exact;
        }

        CommandNode[] matches = [.. Matches(word)];
        return matches.Length == 1 ? matches[0] : null;
    }

    /// <summary>The children with a spelling that begins with <paramref name="prefix"/>, sorted.</summary>
    public IEnumerable<CommandNode> Matches(string prefix) => _children
        .Where(child => child.Key.StartsWith(prefix, StringComparison.Ordinal))
        .Select(child => child.Value)
        .Distinct()
        .OrderBy(child => child.Word, StringComparer.Ordinal);

    /// <summary>Each child that <paramref name="prefix"/> may mean, in its first spelling or, if that does not begin so, in another; sorted.</summary>
    public IEnumerable<string> Completions(string prefix) => Matches(prefix)
        .Select(child => _children.Where(item => item.Value == child).Select(item => item.Key).Prepend(child.Word)
            .First(spelling => spelling.StartsWith(prefix, StringComparison.Ordinal)))
        .Order(StringComparer.Ordinal);

    /// <summary>This node's command and all below it, in order.</summary>
    public IEnumerable<Command> Descendants() =>
        (Command is null ? [] : new[] { Command }).Concat(_children.Values.Distinct().SelectMany(child => child.Descendants()));

    /// <summary>Says what may follow here.</summary>
    public string Expected() => $"expected {Words.Alternatives(Matches("").Select(child => child.Word))}";

    /// <summary>Says why <paramref name="word"/> does not lead on from here.</summary>
    public string Refusal(string word)
    {
        string[] matches = [.. Matches(word).Select(child => child.Word)];
        return matches.Length > 1
            ? $"ambiguous input {Words.Quote(word)}, expected {Words.Alternatives(matches)}"
            : $"unknown input {Words.Quote(word)}, {Expected()}";
    }
}
