using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Mapped memory (sys/mman.h).</summary>
public static unsafe partial class Libc
{
    public const int PROT_NONE = 0;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;

    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_ANONYMOUS = 0x20;

    public const uint MFD_CLOEXEC = 1;
    public const uint MFD_ALLOW_SEALING = 2;

    /// <summary>Gives the range its pages as a read would, without one; EINVAL before Linux 5.14.</summary>
    public const int MADV_POPULATE_READ = 22;
    public const int MADV_POPULATE_WRITE = 23;

    /// <summary>A file without a name whose content is memory; a descriptor, or -1 with errno set.</summary>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int memfd_create(string name, uint flags);

    /// <summary>The address, or (void*)-1 with errno set.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial void* mmap(void* addr, nuint length, int prot, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int munmap(void* addr, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int mprotect(void* addr, nuint len, int prot);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int madvise(void* addr, nuint length, int advice);

    /// <summary>Whether each page of a range is resident: fails with ENOMEM where the range is not mapped.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int mincore(void* addr, nuint length, byte* vec);
}
