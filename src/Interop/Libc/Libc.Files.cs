using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Descriptors and what they stand for (unistd.h, fcntl.h, sys/stat.h, sys/ioctl.h). Failures give -1 and errno.</summary>
[CConstants("fcntl.h", "sys/mman.h", "sys/stat.h", "poll.h", "sys/eventfd.h", "sys/syscall.h", "sys/prctl.h")]
public static unsafe partial class Libc
{
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;

    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int F_ADD_SEALS = 1033;
    public const int F_SEAL_FUTURE_WRITE = 16;
    public const int F_DUPFD_CLOEXEC = 1030;

    public const uint S_IFMT = 0xF000;
    public const uint S_IFCHR = 0x2000;

    public const short POLLIN = 1;
    public const short POLLERR = 8;
    public const short POLLHUP = 0x10;

    [LibraryImport("libc", SetLastError = true)]
    public static partial int open(byte* pathname, int flags, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags, int mode = 0);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int chmod(string pathname, uint mode);

    /// <summary>Sets which rights the process's new files do not get, and returns which those were.</summary>
    [LibraryImport("libc")]
    public static partial uint umask(uint mask);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, void* buf, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, void* buf, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fcntl(int fd, int op, int arg);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ioctl(int fd, nuint op, void* argp);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int stat(byte* pathname, stat* statbuf);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fstat(int fd, stat* statbuf);

    /// <summary>Waits for one of the descriptors, at most for <paramref name="tmo_p"/>.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int ppoll(pollfd* fds, nuint nfds, timespec* tmo_p, void* sigmask);

    /// <summary>Sets a variable in the environment that C code reads; the runtime keeps a copy of its own.</summary>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int unsetenv(string name);
}

/// <summary>What a path or descriptor stands for, on x86-64; where the fields lie differs on Arm64.</summary>
[CStruct("struct stat", "sys/stat.h", Prefix = true)]
[StructLayout(LayoutKind.Explicit, Size = 144)]
public struct stat
{
    [FieldOffset(0)] public ulong st_dev;
    [FieldOffset(8)] public ulong st_ino;
    [FieldOffset(24)] public uint st_mode;
    [FieldOffset(40)] public ulong st_rdev;
}

[CStruct("struct pollfd", "poll.h")]
[StructLayout(LayoutKind.Sequential)]
public struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}
