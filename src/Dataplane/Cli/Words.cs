using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Verbena.Packets;

namespace Verbena.Dataplane.Cli;

/// <summary>Reads one word as a value; false if it is none.</summary>
public delegate bool WordParser<T>(string word, [MaybeNullWhen(false)] out T value);

/// <summary>A command's arguments, read word by word from left to right.</summary>
/// <remarks>
/// Each method says what it would accept at the present position. What was asked for and not found there makes the error
/// message, the completion and the help, so these three can't differ from what the parser takes.
/// </remarks>
/// <param name="words">The words behind the command's path.</param>
public sealed class Words(IReadOnlyList<string> words)
{
    private readonly List<Expectation> _expected = [];
    private int _next;

    /// <summary>What has been asked for at the present position.</summary>
    internal IReadOnlyList<Expectation> Expected => _expected;

    public bool AtEnd => _next == words.Count;

    /// <summary>True while an option may stand here; once at the end too, so that completion learns which may follow.</summary>
    public bool MayHaveOption => !AtEnd || _expected.Count == 0;

    /// <summary>Takes the next word if it is <paramref name="keyword"/> or one of its other spellings.</summary>
    public bool TryKeyword(string keyword, params ReadOnlySpan<string> aliases)
    {
        _expected.Add(new Expectation(keyword, [keyword]));
        if (AtEnd || (!string.Equals(words[_next], keyword, StringComparison.Ordinal) && !aliases.Contains(words[_next])))
        {
            return false;
        }

        Advance();
        return true;
    }

    /// <summary>Takes the next word, which must be one of <paramref name="choices"/>, and returns it.</summary>
    public string Keyword(params ReadOnlySpan<string> choices)
    {
        foreach (string choice in choices)
        {
            if (TryKeyword(choice))
            {
                return choice;
            }
        }

        throw Unexpected();
    }

    /// <summary>Takes the next word as a value that <paramref name="parse"/> understands.</summary>
    /// <param name="what">What it is, for the error: <c>an IPv4 address</c>.</param>
    /// <param name="parse">Reads the word.</param>
    /// <param name="candidates">Words that completion offers.</param>
    public T Value<T>(string what, WordParser<T> parse, params IReadOnlyList<string> candidates) =>
        TryValue(what, parse, out T? value, candidates) ? value : throw Unexpected();

    /// <summary>As <see cref="Value{T}"/>, but leaves a word that does not fit unread.</summary>
    public bool TryValue<T>(
        string what, WordParser<T> parse, [MaybeNullWhen(false)] out T value, params IReadOnlyList<string> candidates)
    {
        _expected.Add(new Expectation(what, candidates));
        value = default;
        if (AtEnd || !parse(words[_next], out value))
        {
            return false;
        }

        Advance();
        return true;
    }

    /// <summary>Takes any word.</summary>
    public string Text(string what) => Value(what, static (string word, [MaybeNullWhen(false)] out string text) => (text = word) is not null);

    /// <summary>Takes a decimal number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public int Number(string what, int min, int max) => Value(
        string.Create(CultureInfo.InvariantCulture, $"{what} from {min} to {max}"),
        (string word, out int number) =>
            int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= min && number <= max);

    /// <summary>Takes a duration in seconds, such as <c>1</c> or <c>.25</c>, from a millisecond to a day.</summary>
    public TimeSpan Seconds(string what) => TimeSpan.FromSeconds(Value(
        what + " in seconds, from .001 to 86400",
        (string word, out double seconds) =>
            double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds)
            && seconds is >= 0.001 and <= 86_400));

    public Ip4Address Ip4Address() => Value<Ip4Address>("an IPv4 address", Packets.Ip4Address.TryParse);

    public Ip4Prefix Ip4Prefix() => Value<Ip4Prefix>("an IPv4 address/length", Packets.Ip4Prefix.TryParse);

    public MacAddress MacAddress() => Value<MacAddress>("a MAC address", Packets.MacAddress.TryParse);

    /// <summary>Takes all that is left.</summary>
    public string Rest()
    {
        string rest = string.Join(' ', words.Skip(_next));
        _next = words.Count;
        return rest;
    }

    /// <summary>Refuses the line if a word is left.</summary>
    public void End()
    {
        if (!AtEnd)
        {
            throw Unexpected();
        }
    }

    /// <summary>The sentence that says what was expected at the present position, and what stands there.</summary>
    public CommandException Unexpected()
    {
        string got = AtEnd ? "" : $"got {Quote(words[_next])}";
        string expected = _expected.Count == 0 ? "" : $"expected {Alternatives(_expected.Select(item => item.ToString()))}";
        return new CommandException((expected, got) switch
        {
            ("", _) => $"nothing more expected, {got}",
            (_, "") => expected,
            _ => $"{expected}, {got}",
        });
    }

    /// <summary>The words as a phrase: <c>a, b or c</c>.</summary>
    internal static string Alternatives(IEnumerable<string> items)
    {
        string[] list = [.. items.Distinct(StringComparer.Ordinal)];
        return list.Length < 2 ? string.Concat(list) : $"{string.Join(", ", list[..^1])} or {list[^1]}";
    }

    /// <summary>Input as an error message shows it, VPP's way: cut after 30 characters, nothing unprintable.</summary>
    internal static string Quote(string input)
    {
        var shown = new StringBuilder("`");
        foreach (char c in input.Length > 30 ? input[..30] : input)
        {
            shown.Append(c switch
            {
                '\r' => "\\r",
                '\n' => "\\n",
                '\t' => "\\t",
                _ when char.IsControl(c) || char.IsSurrogate(c) || c == '\uFFFD' => ".",
                _ => c.ToString(),
            });
        }

        return shown.Append(input.Length > 30 ? "...'" : "'").ToString();
    }

    private void Advance()
    {
        _next++;
        _expected.Clear();
    }
}

/// <summary>Something a parser would take at one position.</summary>
/// <param name="What">The keyword, or what kind of value it is.</param>
/// <param name="Candidates">The words that would do, as far as they are known.</param>
internal sealed record Expectation(string What, IReadOnlyList<string> Candidates)
{
    private const int MaxShown = 8; // of many interfaces an error message names the first few

    public override string ToString() => Candidates switch
    {
        [] => What,
        [var only] when string.Equals(only, What, StringComparison.Ordinal) => What,
        { Count: > MaxShown } => $"{What} ({string.Join(", ", Candidates.Take(MaxShown))}, ...)",
        _ => $"{What} ({string.Join(", ", Candidates)})",
    };
}
