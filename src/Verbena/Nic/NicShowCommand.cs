namespace Verbena.Nic;

/// <summary><c>verbena nic show</c>: prints a record of <c>nic run --record</c> as a table.</summary>
internal static class NicShowCommand
{
    /// <param name="file">The record.</param>
    /// <param name="verb">Shows only verbs whose name contains this, whatever its case; null: all.</param>
    /// <param name="pid">Shows only this process; null: all.</param>
    /// <exception cref="VerbenaException">The file can't be read.</exception>
    public static int Run(string file, string? verb, int? pid)
    {
        try
        {
            Print(File.ReadLines(file), Width(), verb, pid);
            return 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new VerbenaException(failure.Message, failure);
        }
    }

    /// <summary>Columns of the terminal, or null where the output goes elsewhere and is not cut.</summary>
    private static int? Width() => Console.IsOutputRedirected ? null : Console.WindowWidth;

    private static void Print(IEnumerable<string> lines, int? width, string? verb, int? pid)
    {
        var table = new RecordTable(width);
        Console.Out.WriteLine(table.Header);
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            if (!RecordedVerb.TryParse(line, out RecordedVerb? recorded))
            {
                Console.Error.WriteLine($"verbena: line {number} is no record");
            }
            else if ((verb is null || recorded.Verb.Contains(verb, StringComparison.OrdinalIgnoreCase)) && (pid is null || recorded.Pid == pid))
            {
                Console.Out.WriteLine(table.Row(recorded));
            }
        }
    }
}
