using System.Diagnostics;
using Verbena.Dataplane;
using Verbena.Interop;

namespace Verbena;

/// <summary>The thread that moves packets: it polls the worker without end.</summary>
/// <remarks>
/// A worker with a processor of its own (<c>--worker-cores</c>) never rests. Any other lets its neighbours run when a turn
/// found nothing, and after a millisecond without packets sleeps 50 µs between turns: an idle machine stays idle, and
/// the first packet of a burst waits about 0.1 ms longer.
/// </remarks>
internal sealed unsafe class WorkerThread : IDisposable
{
    private const long SpinNanoseconds = 1_000_000;
    private const long SleepNanoseconds = 50_000;

    private readonly Worker _worker;
    private readonly Thread _thread;
    private bool _stopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="worker">What it runs.</param>
    /// <param name="core">The processor to pin it to, or null.</param>
    /// <exception cref="VerbenaException">There is no such processor.</exception>
    public WorkerThread(Worker worker, int? core)
    {
        _worker = worker;
        _thread = PinnedThread.Start(worker.Name, core, "--worker-cores", () => Run(core));
    }

    /// <summary>A monotonic clock in nanoseconds, for the worker and for <see cref="Router.Maintain"/>.</summary>
    public static long Now() => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    /// <summary>Ends the thread after its present turn.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        _thread.Join();
    }

    private void Run(int? core)
    {
        _worker.AttachThread(Libc.gettid(), core);
        long lastWork = Now();
        while (!Volatile.Read(ref _stopping))
        {
            long now = Now();
            if (_worker.RunOnce(now))
            {
                lastWork = now;
            }
            else if (core is null)
            {
                Rest(now - lastWork);
            }
        }
    }

    private static void Rest(long idleNanoseconds)
    {
        if (idleNanoseconds < SpinNanoseconds)
        {
            Thread.Yield();
            return;
        }

        timespec pause = new() { tv_nsec = SleepNanoseconds };
        _ = Libc.nanosleep(&pause, null);
    }
}
