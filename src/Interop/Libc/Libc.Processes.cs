using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Processes and signals (unistd.h, signal.h).</summary>
public static unsafe partial class Libc
{
    /// <summary>Turns the process into another program; returns only if it fails.</summary>
    /// <param name="file">Looked up in PATH.</param>
    /// <param name="argv">Strings that end with 0, after the last of them a null pointer.</param>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int execvp(string file, byte** argv);

    /// <summary>Moves a process to a process group of its session; 0 and 0: this one to one of its own.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setpgid(int pid, int pgid);

    [LibraryImport("libc")]
    public static partial uint geteuid();

    [LibraryImport("libc")]
    public static partial uint getegid();

    /// <summary>Sets how the process meets a signal: <see cref="Signals.SIG_DFL"/> for the system's way.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint signal(int signum, nint handler);
}

[CConstants("signal.h")]
public static class Signals
{
    public const int SIGPIPE = 13;
    public const int SIG_DFL = 0;
}
