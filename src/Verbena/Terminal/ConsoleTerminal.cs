namespace Verbena.Terminal;

/// <summary>The process's own console.</summary>
internal sealed class ConsoleTerminal : ITerminal
{
    private readonly Queue<ConsoleKeyInfo> _typedAhead = new();
    private readonly CancellationToken _stop;

    /// <param name="stop">Ends a wait for a key.</param>
    public ConsoleTerminal(CancellationToken stop)
    {
        _stop = stop;
        Console.TreatControlCAsInput = true; // it interrupts a command, not the program
    }

    /// <summary>True if there is a person on both ends.</summary>
    public static bool IsPresent => !Console.IsInputRedirected && !Console.IsOutputRedirected;

    public int Width => Size(Console.WindowWidth, least: 20, usual: 80);

    public int Height => Size(Console.WindowHeight, least: 4, usual: 24);

    /// <summary>Columns or rows to count with: a terminal that does not know them reports 0.</summary>
    public static int Size(int reported, int least, int usual) => reported > 0 ? Math.Max(reported, least) : usual;

    public void Write(string text)
    {
        Console.Out.Write(text);
        Console.Out.Flush();
    }

    public ConsoleKeyInfo ReadKey()
    {
        if (_typedAhead.TryDequeue(out ConsoleKeyInfo key))
        {
            return key;
        }

        while (!Console.KeyAvailable) // a signal must end the wait, which Console.ReadKey does not allow
        {
            _stop.ThrowIfCancellationRequested();
            Thread.Sleep(5);
        }

        return Console.ReadKey(intercept: true);
    }

    public bool WasInterrupted()
    {
        while (Console.KeyAvailable)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            if (key is { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control })
            {
                _typedAhead.Clear();
                return true;
            }

            _typedAhead.Enqueue(key);
        }

        return _stop.IsCancellationRequested;
    }
}
