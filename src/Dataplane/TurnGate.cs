namespace Verbena.Dataplane;

/// <summary>Keeps a worker out of its graph while the control thread changes what must not change under it.</summary>
/// <remarks>
/// Each side announces itself with a full fence before it looks at the other (Dekker's algorithm), so at least one sees the
/// other. The worker gives way and is never blocked; the control thread waits for the rest of at most one turn.
/// </remarks>
internal sealed class TurnGate
{
    private int _inTurn;
    private int _parked;

    /// <summary>The worker begins a turn, or returns false if it is parked.</summary>
    public bool TryEnter()
    {
        _ = Interlocked.Exchange(ref _inTurn, 1);
        if (Volatile.Read(ref _parked) == 0)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>The worker ends a turn: what it wrote is visible to a control thread that finds it gone.</summary>
    public void Exit() => Volatile.Write(ref _inTurn, 0);

    /// <summary>The control thread keeps the workers of all gates out until the result is disposed. May be nested.</summary>
    /// <param name="gates">The gates.</param>
    /// <param name="ended">Called when the workers may go on.</param>
    public static IDisposable Park(IReadOnlyList<TurnGate> gates, Action ended)
    {
        foreach (TurnGate gate in gates) // all at once, so that the wait is for the longest turn, not for their sum
        {
            _ = Interlocked.Increment(ref gate._parked);
        }

        foreach (TurnGate gate in gates)
        {
            gate.WaitForTurn();
        }

        return new Parking(gates, ended);
    }

    private void WaitForTurn()
    {
        SpinWait spinner = default;
        while (Volatile.Read(ref _inTurn) != 0)
        {
            spinner.SpinOnce();
        }
    }

    private sealed class Parking(IReadOnlyList<TurnGate> gates, Action ended) : IDisposable
    {
        private int _ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _ended, 1) != 0)
            {
                return;
            }

            foreach (TurnGate gate in gates)
            {
                _ = Interlocked.Decrement(ref gate._parked);
            }

            ended();
        }
    }
}
