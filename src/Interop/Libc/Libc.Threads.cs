using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Threads: where they run, and how long they rest (sched.h, time.h, sys/prctl.h).</summary>
public static unsafe partial class Libc
{
    /// <summary>Restricts a thread (0: the calling one) to the processors whose bits are set.</summary>
    /// <returns>0, or -1 with errno set.</returns>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_setaffinity(int pid, nuint cpusetsize, ulong* mask);

    /// <summary>Linux's number for the calling thread.</summary>
    [LibraryImport("libc")]
    public static partial int gettid();

    public const int PR_SET_TIMERSLACK = 29;

    /// <summary>Changes something about the calling thread or process.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int prctl(int option, ulong argument);

    /// <summary>Suspends the calling thread.</summary>
    [LibraryImport("libc")]
    public static partial int nanosleep(timespec* requested, timespec* remaining);
}

[CStruct("struct timespec", "time.h")]
[StructLayout(LayoutKind.Sequential)]
public struct timespec
{
    public long tv_sec;
    public long tv_nsec;
}
