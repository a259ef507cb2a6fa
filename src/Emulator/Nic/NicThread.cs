using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Verbena.Interop;

namespace Verbena.Emulator.Nic;

/// <summary>Works on devices and ports on a thread of its own until it is disposed.</summary>
/// <remarks>
/// It spins while there is work, then lets others have the processor, then rests on the descriptors. A doorbell wakes nobody,
/// so a rest is short; the longer there has been nothing, the less often it looks.
/// </remarks>
internal sealed unsafe class NicThread : IDisposable
{
    private const int SpinPasses = 16;
    private const int YieldPasses = 256;
    private const long ShortRestNanoseconds = 30_000;
    private const long LongRestNanoseconds = 500_000;
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(20);

    private readonly IReadOnlyList<INicUnit> _units;
    private readonly pollfd[] _descriptors;
    private readonly Thread _thread;
    private volatile bool _stops;

    public NicThread(IReadOnlyList<INicUnit> units)
    {
        _units = units;
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
        for (int pass = 1; !_stops && !Step(); pass++)
        {
            if (pass >= YieldPasses)
            {
                if (Stopwatch.GetElapsedTime(begin) < s_quiet)
                {
                    Rest(ShortRestNanoseconds);
                }
                else if (Sleep())
                {
                    return;
                }
            }
            else if (pass >= SpinPasses)
            {
                Thread.Yield();
            }
        }
    }

    /// <summary>Rests so long that others have to say when they have something. True: they had, just before.</summary>
    private bool Sleep()
    {
        SetAsleep(true);
        Interlocked.MemoryBarrier(); // they publish, then look whether we sleep; we say so, then look what they published
        bool busy = Step();
        if (!busy)
        {
            Rest(LongRestNanoseconds);
        }

        SetAsleep(false);
        return busy;
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
