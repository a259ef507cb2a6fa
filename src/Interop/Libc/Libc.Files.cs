using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Descriptors (fcntl.h, unistd.h, poll.h).</summary>
public static unsafe partial class Libc
{
    public const int O_RDWR = 2;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const short POLLIN = 1;

    /// <returns>A descriptor, or -1 with errno set.</returns>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, void* buf, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, void* buf, nuint count);

    /// <summary>Waits for one of the descriptors, at most for <paramref name="tmo_p"/>.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int ppoll(pollfd* fds, nuint nfds, timespec* tmo_p, void* sigmask);
}

[CStruct("struct pollfd", "poll.h")]
[StructLayout(LayoutKind.Sequential)]
public struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}
