namespace Verbena;

/// <summary>The thread that owns the router: it runs one piece of work after another, and chores now and then.</summary>
/// <remarks>
/// It is the synchronization context of what it runs, so a command that awaits (a ping its replies, an answer its reader)
/// goes on here too, and lets others run meanwhile.
/// </remarks>
internal sealed class ControlThread : SynchronizationContext, IDisposable
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();
    private readonly Thread _thread;
    private readonly Func<int> _chores;
    private int _wait; // milliseconds until the chores are due again
    private bool _stopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="chores">What is due now and then. Returns in how many milliseconds it is due again; it must not throw.</param>
    /// <param name="core">The processor to pin the thread to, or null.</param>
    /// <exception cref="VerbenaException">There is no such processor.</exception>
    public ControlThread(Func<int> chores, int? core)
    {
        _chores = chores;
        _thread = PinnedThread.Start("control", core, "--main-core", Run);
    }

    /// <summary>Runs <paramref name="work"/> on the thread. Its exception is the task's.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => _ = CompleteAsync(work, result), null);
        return result.Task;
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_queue)
        {
            _queue.Enqueue((d, state));
            Monitor.Pulse(_queue);
        }
    }

    /// <summary>Ends the thread; work still queued is dropped.</summary>
    public void Dispose()
    {
        lock (_queue)
        {
            _stopping = true;
            Monitor.Pulse(_queue);
        }

        _thread.Join();
    }

    private static async Task CompleteAsync<T>(Func<Task<T>> work, TaskCompletionSource<T> result)
    {
        try
        {
            result.SetResult(await work().ConfigureAwait(true));
        }
#pragma warning disable CA1031 // handed to whoever awaits
        catch (Exception e)
#pragma warning restore CA1031
        {
            result.SetException(e);
        }
    }

    private void Run()
    {
        SetSynchronizationContext(this);
        long lastChore = Environment.TickCount64;
        while (TryTake(out (SendOrPostCallback Callback, object? State) work))
        {
            work.Callback?.Invoke(work.State);
            if (Environment.TickCount64 - lastChore >= _wait)
            {
                lastChore = Environment.TickCount64;
                _wait = _chores();
            }
        }
    }

    /// <summary>Waits for work, or until the chores are due. False once the thread is to end.</summary>
    private bool TryTake(out (SendOrPostCallback Callback, object? State) work)
    {
        lock (_queue)
        {
            if (_queue.Count == 0 && !_stopping)
            {
                Monitor.Wait(_queue, millisecondsTimeout: Math.Max(_wait, 1));
            }

            _queue.TryDequeue(out work);
            return !_stopping;
        }
    }
}
