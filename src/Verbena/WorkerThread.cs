using System.Diagnostics;
using Verbena.Dataplane;
using Verbena.Interop;

namespace Verbena;

/// <summary>The thread that moves packets: it polls the worker without end, or sleeps where receive modes allow it.</summary>
/// <remarks>
/// A worker all of whose receive queues are in interrupt mode, or in adaptive mode and idle, sleeps until the NIC or the control
/// thread wakes it.
/// Of the others, a worker with a processor of its own (<c>--worker-cores</c>) never rests. Any other lets its neighbours run when a turn
/// found nothing, and after a millisecond without packets sleeps 50 µs between turns: an idle machine stays idle, and
/// the first packet of a burst waits about 0.1 ms longer.
/// </remarks>
internal sealed unsafe class WorkerThread : IDisposable
{
    private const long SpinNanoseconds = 1_000_000;
    private const long SleepNanoseconds = 50_000;

    private readonly Worker _worker;
    private readonly Thread _thread;
    private readonly int _waker = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
    private pollfd[] _polled = []; // the waker, then what the worker waits for
    private int[] _descriptors = [];
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
        Wake();
        _thread.Join();
        _ = Libc.close(_waker);
    }

    private void Run(int? core)
    {
        _worker.AttachThread(Libc.gettid(), core, Wake);
        long lastWork = Now();
        while (!Volatile.Read(ref _stopping))
        {
            long now = Now();
            if (_worker.RunOnce(now))
            {
                lastWork = now;
            }
            else if (_worker.TryBeginSleep(now - lastWork, out int[] descriptors, out int milliseconds))
            {
                Sleep(descriptors, milliseconds);
                _worker.EndSleep();
            }
            else if (core is null)
            {
                Rest(now - lastWork);
            }
        }
    }

    private void Wake()
    {
        ulong one = 1;
        _ = Libc.write(_waker, &one, sizeof(ulong));
    }

    /// <summary>Sleeps until there are packets, somebody wakes the worker, or the time is over; not at all if there was something to do.</summary>
    private void Sleep(int[] descriptors, int milliseconds)
    {
        if (_worker.RunOnce(Now()) || Volatile.Read(ref _stopping))
        {
            return;
        }

        if (_descriptors != descriptors || _polled.Length == 0)
        {
            _descriptors = descriptors;
            _polled = [.. descriptors.Prepend(_waker).Select(descriptor => new pollfd { fd = descriptor, events = Libc.POLLIN })];
        }

        timespec longest = new() { tv_sec = milliseconds / 1000, tv_nsec = milliseconds % 1000 * 1_000_000L };
        fixed (pollfd* polled = _polled)
        {
            _ = Libc.ppoll(polled, (nuint)_polled.Length, &longest, null);
        }

        ForgetEnded();
        ulong count;
        _ = Libc.read(_waker, &count, sizeof(ulong));
    }

    /// <summary>The descriptor of a device that is gone would end every sleep at once.</summary>
    private void ForgetEnded()
    {
        foreach (ref pollfd polled in _polled.AsSpan())
        {
            polled.fd = (polled.revents & (Libc.POLLERR | Libc.POLLHUP)) == 0 ? polled.fd : -1;
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
