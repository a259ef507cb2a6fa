using System.Diagnostics;
using Verbena.Dataplane;
using Verbena.Interop;

namespace Verbena;

/// <summary>The thread that moves packets: it polls the worker without end.</summary>
/// <remarks>
/// A worker with a processor of its own (<c>--worker-core</c>) never rests. Any other lets its neighbours run when a turn
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
        var pinned = new TaskCompletionSource();
        _thread = new Thread(() => Run(core, pinned)) { Name = Name, IsBackground = true };
        _thread.Start();
        pinned.Task.GetAwaiter().GetResult();
    }

    public const string Name = "worker_0";

    /// <summary>A monotonic clock in nanoseconds, for the worker and for <see cref="Router.Maintain"/>.</summary>
    public static long Now() => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    /// <summary>Ends the thread after its present turn.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        _thread.Join();
    }

    private void Run(int? core, TaskCompletionSource pinned)
    {
        if (core is { } number && !TryPin(number))
        {
            pinned.SetException(new VerbenaException($"--worker-core {number}: this process may not run on that processor"));
            return;
        }

        pinned.SetResult();
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

    private static bool TryPin(int core)
    {
        const int MaskWords = 16; // 1024 processors, as glibc's cpu_set_t
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (core is < 0 or >= MaskWords * 64)
        {
            return false;
        }

        mask[core / 64] = 1ul << (core % 64);
        return Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }
}
