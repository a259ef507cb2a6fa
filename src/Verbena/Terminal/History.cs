namespace Verbena.Terminal;

/// <summary>The lines typed before; one that repeats the last is not kept, nor is an empty one.</summary>
internal sealed class History
{
    private const int Capacity = 50;

    private readonly List<string> _lines = [];
    private int _position;
    private string _unfinished = "";
    private string _wanted = "";

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Keeps a line that was entered, and goes back to the end.</summary>
    public void Add(string line)
    {
        if (!string.IsNullOrWhiteSpace(line) && !string.Equals(_lines.LastOrDefault(), line, StringComparison.Ordinal))
        {
            _lines.Add(line);
            _lines.RemoveRange(0, Math.Max(0, _lines.Count - Capacity));
        }

        _position = _lines.Count;
    }

    /// <summary>The line before the present one, or null at the first.</summary>
    /// <param name="current">What is being typed; it comes back behind the last line.</param>
    public string? Previous(string current)
    {
        if (_position == 0)
        {
            return null;
        }

        if (_position == _lines.Count)
        {
            _unfinished = current;
        }

        return _lines[--_position];
    }

    /// <summary>The line after the present one, or null at the end.</summary>
    public string? Next()
    {
        if (_position == _lines.Count)
        {
            return null;
        }

        return ++_position == _lines.Count ? _unfinished : _lines[_position];
    }

    /// <summary>
    /// The latest line that contains what is being typed, or null. Asked again with the line that was found, the one before it.
    /// </summary>
    public string? Search(string current)
    {
        bool again = _position < _lines.Count && string.Equals(_lines[_position], current, StringComparison.Ordinal);
        if (!again)
        {
            (_wanted, _unfinished, _position) = (current, current, _lines.Count);
        }

        int found = _lines.GetRange(0, _position).FindLastIndex(line => line.Contains(_wanted, StringComparison.Ordinal));
        return found < 0 ? null : _lines[_position = found];
    }
}
