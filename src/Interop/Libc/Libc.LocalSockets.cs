using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Sockets between processes, and what goes through them: bytes and descriptors (sys/socket.h, sys/un.h, sys/eventfd.h).</summary>
public static unsafe partial class Libc
{
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;

    private const long SYS_pidfd_open = 434; // the same on all architectures

    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(int sockfd, sockaddr_un* addr, uint addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int connect(int sockfd, sockaddr_un* addr, uint addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int listen(int sockfd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int accept4(int sockfd, void* addr, uint* addrlen, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendmsg(int sockfd, msghdr* msg, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvmsg(int sockfd, msghdr* msg, int flags);

    /// <summary>A descriptor that counts: a write adds eight bytes' worth, a read takes all; it is readable while it is not 0.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initval, int flags);

    /// <summary>A descriptor that becomes readable when the process has ended (Linux 5.3).</summary>
    public static int pidfd_open(int pid, uint flags) => (int)syscall(SYS_pidfd_open, pid, flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, long argument0, long argument1);
}

/// <summary>Address of a UNIX socket: a path that ends with a zero byte.</summary>
[CStruct("struct sockaddr_un", "sys/un.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct sockaddr_un
{
    public const int PathBytes = 108;

    public ushort sun_family;
    public fixed byte sun_path[PathBytes];
}

[CStruct("struct msghdr", "sys/socket.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct msghdr
{
    public void* msg_name;
    public uint msg_namelen;
    public iovec* msg_iov;
    public nuint msg_iovlen;
    public void* msg_control;
    public nuint msg_controllen;
    public int msg_flags;
}

/// <summary>Head of ancillary data; with SCM_RIGHTS descriptors follow, four bytes each.</summary>
[CStruct("struct cmsghdr", "sys/socket.h")]
[StructLayout(LayoutKind.Sequential)]
public struct cmsghdr
{
    public nuint cmsg_len;
    public int cmsg_level;
    public int cmsg_type;
}

/// <summary>Who connected a UNIX socket, as seen from here; pid 0: a process that this one can't name.</summary>
[CStruct("struct ucred", "sys/socket.h")]
[StructLayout(LayoutKind.Sequential)]
public struct ucred
{
    public int pid;
    public uint uid;
    public uint gid;
}
