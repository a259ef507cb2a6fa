using System.Globalization;

namespace Verbena.Nic;

/// <summary>A table of recorded verbs: time since the first, process, verb, what with, what came back.</summary>
/// <param name="width">Columns of the terminal, to which long values are cut; null: nothing is cut.</param>
internal sealed class RecordTable(int? width)
{
    private const int FixedColumns = 12 + 1 + 7 + 1 + VerbColumns + 1;
    private const int VerbColumns = 20;
    private const int MinWhatColumns = 20;
    private DateTime? _first;

    /// <summary>Of the rest of a line, three fifths are for the values given and two for the answer.</summary>
    private int WhatColumns => width is { } columns ? Math.Max(MinWhatColumns, (columns - FixedColumns) * 3 / 5) : 60;

    public string Header => Cut($"{"time",12} {"pid",7} {"verb",-VerbColumns} {"what".PadRight(WhatColumns)} answer");

    public string Row(RecordedVerb verb)
    {
        _first ??= verb.Time;
        double seconds = (verb.Time - _first.Value).TotalSeconds;
        string what = width is null ? verb.What.PadRight(WhatColumns) : Fit(verb.What, WhatColumns);
        return Cut(string.Create(CultureInfo.InvariantCulture, $"{seconds,12:0.000000} {verb.Pid,7} {verb.Verb,-VerbColumns} {what} {verb.Answer}"));
    }

    private string Cut(string line) => width is { } columns ? Fit(line, columns).TrimEnd() : line.TrimEnd();

    private static string Fit(string text, int columns) =>
        text.Length <= columns ? text.PadRight(columns) : text[..(columns - 1)] + "…";
}
