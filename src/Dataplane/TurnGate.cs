namespace Verbena.Dataplane;

/// <summary>Keeps the worker out of the graph while the control thread changes what must not change under it.</summary>
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

    /// <summary>The control thread keeps the worker out until the result is disposed. May be nested.</summary>
    public IDisposable Park()
    {
        _ = Interlocked.Increment(ref _parked);
        SpinWait spinner = default;
        while (Volatile.Read(ref _inTurn) != 0)
        {
            spinner.SpinOnce();
        }

        return new Parking(this);
    }

    private sealed class Parking(TurnGate gate) : IDisposable
    {
        private int _ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                _ = Interlocked.Decrement(ref gate._parked);
            }
        }
    }
}
