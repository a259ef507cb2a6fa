using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>Commands that concern the session itself: help, comment, exec, quit.</summary>
public static class SessionCommands
{
    private const int MaxExecDepth = 8;
    private const int MaxExecLength = 1 << 20; // so that /dev/zero does not take the daemon's memory

    public static void AddTo(CommandTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Add("comment", "<text>", "Does nothing; a remark in an exec file", words =>
        {
            words.Rest();
            return _ => { };
        });
        table.Add("help", "[<command>]", "Lists commands and their arguments", words =>
        {
            string command = words.Rest();
            return session => session.Output.Write(
                command.Length == 0 ? Overview(table) : table.Help(table.Find(command).Name + " "));
        });
        table.Add("quit|q|exit", "", "Ends the session", _ => session => session.End());
        table.Add(new Command("exec", "<file>", "Runs a file of commands, up to the first that fails", words =>
        {
            string file = words.Text("a file name");
            return session => ExecAsync(table, file, session);
        }));
    }

    private static string Overview(CommandTable table) =>
        string.Concat(table.Commands.Select(command => command.Help));

    private static async Task ExecAsync(CommandTable table, string file, CliSession session)
    {
        if (session.ExecDepth == MaxExecDepth)
        {
            throw new CommandException($"{file} is nested more than {MaxExecDepth} files deep");
        }

        string[] lines = await ReadAsync(file, session.Interrupt).ConfigureAwait(true);
        session.ExecDepth++;
        try
        {
            for (int i = 0; i < lines.Length && !session.IsOver; i++)
            {
                session.Interrupt.ThrowIfCancellationRequested();
                if (await table.RunAsync(WithoutComment(lines[i]), session).ConfigureAwait(true) is { } failure)
                {
                    throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"{file}, line {i + 1}: {failure}"));
                }
            }
        }
        finally
        {
            session.ExecDepth--;
        }
    }

    private static async Task<string[]> ReadAsync(string file, CancellationToken interrupt)
    {
        try
        {
            // On another thread: opening a pipe waits for its writer, and the control thread must not.
            return await Task.Run(() => Read(file), interrupt).WaitAsync(interrupt).ConfigureAwait(true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CommandException($"can't read {file}: {e.Message}", e);
        }
    }

    private static string[] Read(string file)
    {
        using var reader = new StreamReader(file);
        char[] buffer = new char[MaxExecLength + 1];
        int length = reader.ReadBlock(buffer);
        return length <= MaxExecLength
            ? new string(buffer, 0, length).Split('\n')
            : throw new IOException($"it is longer than {MaxExecLength} characters");
    }

    private static string WithoutComment(string line) => line.Split('#')[0];
}
