using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Verbena.Interop;

namespace Verbena.Emulator.Nic;

/// <summary>Works on devices and ports on a thread of its own until it is disposed.</summary>
/// <remarks>
/// It spins for a moment when there is no work, then rests on the descriptors. A doorbell wakes nobody, so a rest is short; the
/// longer there has been nothing, the longer it is. Resting soon is what makes programs fast that have more threads than the
/// machine has processors: they spin while they wait for the NIC, and a thread that wakes up is let in before one that spins or
/// yields. Waking up costs some 10 µs of processor time, on a virtual machine up to 40.
/// </remarks>
internal sealed unsafe class NicThread : IDisposable
{
    private const long ShortRestNanoseconds = 20_000;
    private const long MinSleepNanoseconds = 500_000;
    private const long MaxSleepNanoseconds = 4_000_000;
    private const long UndisturbedNanoseconds = 10_000_000; // the link, and new queues, have to be looked at now and then
    private const long IdlePerSleep = 1000; // what comes at last waits a thousandth of the time that nothing came
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(10);
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(20);

    private readonly INicUnit[] _units;
    private readonly pollfd[] _descriptors;
    private readonly Action? _begun;
    private readonly Thread _thread;
    private volatile bool _stops;

    /// <param name="units">What it works on.</param>
    /// <param name="begun">Called first on the thread.</param>
    public NicThread(IReadOnlyList<INicUnit> units, Action? begun = null)
    {
        _units = [.. units];
        _begun = begun;
        _descriptors = [.. units.SelectMany(u => u.PollDescriptors).Where(fd => fd >= 0).Distinct().Select(fd => new pollfd { fd = fd, events = Libc.POLLIN })];
        _thread = new Thread(Run) { Name = "emulated NIC", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends the thread after the pass it is in; the units stay.</summary>
    public void Dispose()
    {
        _stops = true;
        _thread.Join();
    }

    private void Run()
    {
        _begun?.Invoke();
        _ = Libc.prctl(Libc.PR_SET_TIMERSLACK, 1); // else a short rest is 50 µs longer
        while (!_stops)
        {
            if (!Step())
            {
                Idle();
            }
        }
    }

    /// <summary>Steps until there is work again, ever more seldom.</summary>
    private void Idle()
    {
        long begin = Stopwatch.GetTimestamp();
        while (!_stops && !Step())
        {
            TimeSpan idle = Stopwatch.GetElapsedTime(begin);
            if (idle >= s_quiet)
            {
                if (Sleep(idle))
                {
                    return;
                }
            }
            else if (idle >= s_spin)
            {
                Rest(ShortRestNanoseconds);
            }
        }
    }

    /// <summary>Rests so long that others have to say when they have something. True: they had, just before.</summary>
    private bool Sleep(TimeSpan idle)
    {
        SetAsleep(true);
        Interlocked.MemoryBarrier(); // they publish, then look whether we sleep; we say so, then look what they published
        bool busy = Step();
        if (!busy)
        {
            Rest(HasToLook()
                ? Math.Clamp((long)idle.TotalNanoseconds / IdlePerSleep, MinSleepNanoseconds, MaxSleepNanoseconds)
                : UndisturbedNanoseconds);
        }

        SetAsleep(false);
        return busy;
    }

    private bool HasToLook()
    {
        foreach (INicUnit unit in _units)
        {
            if (unit.HasToLook)
            {
                return true;
            }
        }

        return false;
    }

    private void SetAsleep(bool asleep)
    {
        foreach (INicUnit unit in _units)
        {
            unit.SetAsleep(asleep);
        }
    }

    private bool Step()
    {
        bool busy = false;
        foreach (INicUnit unit in _units)
        {
            busy |= Step(unit);
        }

        return busy;
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever it is, it must end the unit and not the process")]
    private static bool Step(INicUnit unit)
    {
        try
        {
            return unit.Step();
        }
        catch (Exception e)
        {
            unit.Fail(e);
            return false;
        }
    }

    private void Rest(long nanoseconds)
    {
        timespec timeout = new() { tv_nsec = nanoseconds };
        fixed (pollfd* descriptors = _descriptors)
        {
            _ = Libc.ppoll(descriptors, (nuint)_descriptors.Length, &timeout, null);
        }
    }
}
