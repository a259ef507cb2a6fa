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

    public int Width => Math.Max(Console.WindowWidth, 20);

    public int Height => Math.Max(Console.WindowHeight, 4);

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
