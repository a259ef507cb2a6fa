namespace Verbena.Terminal;

/// <summary>Shows a command's output a screen at a time.</summary>
internal sealed class Pager(ITerminal terminal)
{
    private int _rows;
    private int _column;

    /// <summary>True once the user has seen enough: the rest is not shown.</summary>
    public bool HasQuit { get; private set; }

    public void Write(string text)
    {
        foreach (string line in text.Split('\n').SelectMany((part, i) => i == 0 ? [part] : new[] { "\n", part }))
        {
            if (HasQuit)
            {
                return;
            }

            if (line.Length > 0)
            {
                WritePart(line);
            }
        }
    }

    private void WritePart(string part)
    {
        if (_rows >= terminal.Height - 1)
        {
            Pause();
        }

        if (HasQuit)
        {
            return;
        }

        bool newLine = part is "\n";
        _rows += newLine ? 1 : (_column + part.Length) / terminal.Width; // what the terminal wraps
        _column = newLine ? 0 : (_column + part.Length) % terminal.Width;
        terminal.Write(part);
    }

    private void Pause()
    {
        terminal.Write("-- more --");
        ConsoleKeyInfo key = terminal.ReadKey();
        terminal.Write("\r\e[K");
        switch (key.KeyChar)
        {
            case 'q' or 'Q' or '\x3':
                HasQuit = true;
                break;
            case '\r' or '\n':
                _rows--;
                break;
            default:
                _rows = 0;
                break;
        }
    }
}
