using System.Text;
using Verbena.Control;

namespace Verbena.Terminal;

/// <summary>Reads a line with the keys of VPP's console (and Emacs), completion by Tab, and help by <c>?</c>.</summary>
internal sealed class LineEditor(ITerminal terminal, History history, ICommandTarget target, string prompt)
{
    private readonly StringBuilder _text = new();
    private int _cursor;

    private string Text => _text.ToString();

    private string BeforeCursor => _text.ToString(0, _cursor);

    /// <summary>Reads the next line, or null where the user ends the session by ^D on an empty one.</summary>
    /// <exception cref="OperationCanceledException">The terminal has gone.</exception>
    public async Task<string?> ReadLineAsync()
    {
        Set("");
        Redraw();
        while (true)
        {
            ConsoleKeyInfo key = terminal.ReadKey();
            if (key.Key == ConsoleKey.Enter)
            {
                return Enter();
            }

            if (IsControl(key, ConsoleKey.D) && _text.Length == 0)
            {
                terminal.Write("quit\n");
                return null;
            }

            await HandleAsync(key).ConfigureAwait(false);
            Redraw();
        }
    }

    private string Enter()
    {
        _cursor = _text.Length;
        Redraw();
        terminal.Write("\n");
        history.Add(Text);
        return Text;
    }

    private Task HandleAsync(ConsoleKeyInfo key) => key switch
    {
        { Key: ConsoleKey.Tab } => CompleteAsync(),
        { KeyChar: '?' } => HelpAsync(),
        { Modifiers: ConsoleModifiers.Control } => Do(() => Control(key.Key)),
        { Modifiers: ConsoleModifiers.Alt } => Do(() => Alt(key.Key)),
        _ => Do(() => Plain(key)),
    };

    private void Plain(ConsoleKeyInfo key)
    {
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow: MoveTo(_cursor - 1); break;
            case ConsoleKey.RightArrow: MoveTo(_cursor + 1); break;
            case ConsoleKey.Home: MoveTo(0); break;
            case ConsoleKey.End: MoveTo(_text.Length); break;
            case ConsoleKey.UpArrow: Show(history.Previous(Text)); break;
            case ConsoleKey.DownArrow: Show(history.Next()); break;
            case ConsoleKey.Backspace: Erase(_cursor - 1, _cursor); break;
            case ConsoleKey.Delete: Erase(_cursor, _cursor + 1); break;
            default: Insert(key.KeyChar); break;
        }
    }

    private void Control(ConsoleKey key)
    {
        switch (key)
        {
            case ConsoleKey.B: MoveTo(_cursor - 1); break;
            case ConsoleKey.F: MoveTo(_cursor + 1); break;
            case ConsoleKey.A: MoveTo(0); break;
            case ConsoleKey.E: MoveTo(_text.Length); break;
            case ConsoleKey.LeftArrow: MoveTo(WordLeft()); break;
            case ConsoleKey.RightArrow: MoveTo(WordRight()); break;
            case ConsoleKey.H or ConsoleKey.Backspace: Erase(_cursor - 1, _cursor); break;
            case ConsoleKey.D: Erase(_cursor, _cursor + 1); break;
            case ConsoleKey.W: Erase(WordLeft(), _cursor); break;
            case ConsoleKey.U: Erase(0, _cursor); break;
            case ConsoleKey.K: Erase(_cursor, _text.Length); break;
            case ConsoleKey.P: Show(history.Previous(Text)); break;
            case ConsoleKey.N: Show(history.Next()); break;
            case ConsoleKey.R: Show(history.Search(Text)); break;
            case ConsoleKey.L: terminal.Write("\e[H\e[2J"); break;
            case ConsoleKey.C: Abandon(); break;
        }
    }

    private void Alt(ConsoleKey key)
    {
        switch (key)
        {
            case ConsoleKey.B: MoveTo(WordLeft()); break;
            case ConsoleKey.F: MoveTo(WordRight()); break;
        }
    }

    private async Task CompleteAsync()
    {
        string before = BeforeCursor;
        IReadOnlyList<string> candidates = await target.CompleteAsync(before).ConfigureAwait(false);
        string typed = before[(before.LastIndexOf(' ') + 1)..];
        string common = CommonPrefix(candidates);
        bool continues = common.StartsWith(typed, StringComparison.Ordinal); // else the table divides the line elsewhere
        if (continues && candidates.Count == 1)
        {
            Insert(common[typed.Length..] + " ");
        }
        else if (continues && common.Length > typed.Length)
        {
            Insert(common[typed.Length..]);
        }
        else
        {
            terminal.Write(candidates.Count == 0 ? "\a" : $"\n{Columns(candidates)}");
        }
    }

    private async Task HelpAsync()
    {
        string help = await target.HelpAsync(BeforeCursor).ConfigureAwait(false);
        terminal.Write(help.Length == 0 ? "\a" : "?\n");
        new Pager(terminal).Write(help);
    }

    private static string CommonPrefix(IReadOnlyList<string> words)
    {
        string prefix = words.Count == 0 ? "" : words[0];
        foreach (string word in words)
        {
            prefix = prefix[..prefix.AsSpan().CommonPrefixLength(word)];
        }

        return prefix;
    }

    private string Columns(IReadOnlyList<string> words)
    {
        int width = words.Max(word => word.Length) + 2;
        int columns = Math.Max(1, terminal.Width / width);
        return string.Concat(words.Chunk(columns).Select(row => string.Concat(row.Select(word => word.PadRight(width))).TrimEnd() + "\n"));
    }

    private void Abandon()
    {
        terminal.Write("^C\n");
        Set("");
    }

    private void Show(string? line)
    {
        if (line is null)
        {
            terminal.Write("\a");
            return;
        }

        Set(line);
    }

    private void Set(string line)
    {
        _text.Clear().Append(line);
        _cursor = line.Length;
    }

    private void Insert(char c)
    {
        if (!char.IsControl(c))
        {
            Insert(c.ToString());
        }
    }

    private void Insert(string text)
    {
        _text.Insert(_cursor, text);
        _cursor += text.Length;
    }

    private void Erase(int from, int to)
    {
        from = Math.Max(from, 0);
        to = Math.Min(to, _text.Length);
        _text.Remove(from, Math.Max(0, to - from));
        _cursor = Math.Min(from, _text.Length);
    }

    private void MoveTo(int position) => _cursor = Math.Clamp(position, 0, _text.Length);

    private int WordLeft()
    {
        int at = _cursor;
        while (at > 0 && _text[at - 1] == ' ')
        {
            at--;
        }

        while (at > 0 && _text[at - 1] != ' ')
        {
            at--;
        }

        return at;
    }

    private int WordRight()
    {
        int at = _cursor;
        while (at < _text.Length && _text[at] == ' ')
        {
            at++;
        }

        while (at < _text.Length && _text[at] != ' ')
        {
            at++;
        }

        return at;
    }

    /// <summary>Writes the line anew. Of one wider than the screen, the part around the cursor is shown.</summary>
    private void Redraw()
    {
        int room = Math.Max(1, terminal.Width - prompt.Length - 1);
        int first = Math.Max(0, _cursor - room);
        string visible = _text.ToString(first, Math.Min(room, _text.Length - first));
        int back = visible.Length - (_cursor - first);
        terminal.Write($"\r{prompt}{visible}\e[K{(back > 0 ? $"\e[{back}D" : "")}");
    }

    private static bool IsControl(ConsoleKeyInfo key, ConsoleKey which) =>
        key.Key == which && key.Modifiers == ConsoleModifiers.Control;

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }
}
