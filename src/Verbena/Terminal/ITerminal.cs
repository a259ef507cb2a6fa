namespace Verbena.Terminal;

/// <summary>A screen and a keyboard: the console, or a script of keys in tests.</summary>
internal interface ITerminal
{
    /// <summary>Columns of the screen.</summary>
    int Width { get; }

    /// <summary>Rows of the screen.</summary>
    int Height { get; }

    void Write(string text);

    /// <summary>Waits for the next key.</summary>
    /// <exception cref="OperationCanceledException">The terminal has gone, or the program is to end.</exception>
    ConsoleKeyInfo ReadKey();

    /// <summary>True if Ctrl-C was typed since the last call. Other keys stay for <see cref="ReadKey"/>.</summary>
    bool WasInterrupted();
}
