namespace Verbena;

/// <summary>The thread that owns the router: it runs one piece of work after another, and a chore every millisecond.</summary>
/// <remarks>
/// It is the synchronization context of what it runs, so a command that awaits (a ping its replies, an answer its reader)
/// goes on here too, and lets others run meanwhile.
/// </remarks>
internal sealed class ControlThread : SynchronizationContext, IDisposable
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();
    private readonly Thread _thread;
    private readonly Action _everyMillisecond;
    private bool _stopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="everyMillisecond">The chore; it must not throw.</param>
    /// <param name="core">The processor to pin the thread to, or null.</param>
    /// <exception cref="VerbenaException">There is no such processor.</exception>
    public ControlThread(Action everyMillisecond, int? core)
    {
        _everyMillisecond = everyMillisecond;
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
            if (Environment.TickCount64 != lastChore)
            {
                lastChore = Environment.TickCount64;
                _everyMillisecond();
            }
        }
    }

    /// <summary>Waits up to a millisecond for work. False once the thread is to end.</summary>
    private bool TryTake(out (SendOrPostCallback Callback, object? State) work)
    {
        lock (_queue)
        {
            if (_queue.Count == 0 && !_stopping)
            {
                Monitor.Wait(_queue, millisecondsTimeout: 1);
            }

            _queue.TryDequeue(out work);
            return !_stopping;
        }
    }
}
