using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Copies that fail where the memory is not there, instead of ending the process (sys/uio.h, unistd.h).</summary>
public static unsafe partial class Libc
{
    [LibraryImport("libc")]
    public static partial int getpid();

    /// <summary>Bytes copied, fewer where the other side's memory ends; -1 with errno EFAULT if its first byte is not there.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_readv(int pid, iovec* local_iov, nuint liovcnt, iovec* remote_iov, nuint riovcnt, nuint flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_writev(int pid, iovec* local_iov, nuint liovcnt, iovec* remote_iov, nuint riovcnt, nuint flags);
}
