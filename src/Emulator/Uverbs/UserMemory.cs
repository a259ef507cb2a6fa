using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Uverbs;

/// <summary>The program's memory as a kernel sees it: an address that leads nowhere is an error of the program, not a crash.</summary>
/// <remarks>For commands. The path of frames relies on what was checked here when a ring or a region was made.</remarks>
internal static unsafe class UserMemory
{
    private const ulong PageBytes = 4096;
    private const ulong ChunkPages = 4096;

    /// <exception cref="UverbsException">EFAULT: the program has no such memory.</exception>
    public static void Read(ulong address, Span<byte> target)
    {
        fixed (byte* to = target)
        {
            var local = new iovec { iov_base = to, iov_len = (nuint)target.Length };
            var remote = new iovec { iov_base = (void*)address, iov_len = (nuint)target.Length };
            nint copied = Libc.process_vm_readv(Libc.getpid(), &local, 1, &remote, 1, 0);
            if (IsForbidden(copied))
            {
                new ReadOnlySpan<byte>((void*)address, target.Length).CopyTo(target);
            }
            else if (copied != target.Length)
            {
                throw BadAddress(address, target.Length);
            }
        }
    }

    /// <exception cref="UverbsException">EFAULT: the program has no such memory, or may not write to it.</exception>
    public static void Write(ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* from = source)
        {
            var local = new iovec { iov_base = from, iov_len = (nuint)source.Length };
            var remote = new iovec { iov_base = (void*)address, iov_len = (nuint)source.Length };
            nint copied = Libc.process_vm_writev(Libc.getpid(), &local, 1, &remote, 1, 0);
            if (IsForbidden(copied))
            {
                source.CopyTo(new Span<byte>((void*)address, source.Length));
            }
            else if (copied != source.Length)
            {
                throw BadAddress(address, source.Length);
            }
        }
    }

    /// <summary>Checks that the whole range is there, and gives it its pages as a kernel does that pins them.</summary>
    /// <exception cref="UverbsException">EFAULT: it is not, or is to be written and may not.</exception>
    public static void Demand(ulong start, ulong lengthBytes, bool writable)
    {
        ulong first = start & ~(PageBytes - 1);
        ulong end = unchecked(start + lengthBytes + PageBytes - 1) & ~(PageBytes - 1);
        if (end < start || (lengthBytes > 0 && !IsThere(first, end - first, writable)))
        {
            throw BadAddress(start, (long)lengthBytes);
        }
    }

    private static bool IsThere(ulong first, ulong lengthBytes, bool writable)
    {
        int advice = writable ? Libc.MADV_POPULATE_WRITE : Libc.MADV_POPULATE_READ;
        return Libc.madvise((void*)first, (nuint)lengthBytes, advice) == 0
            || (!CanPopulate() && IsMapped(first, lengthBytes));
    }

    /// <summary>Whether the kernel knows the advice, asked on memory that is surely there.</summary>
    private static bool CanPopulate()
    {
        byte here;
        ulong page = (ulong)&here & ~(PageBytes - 1);
        return Libc.madvise((void*)page, (nuint)PageBytes, Libc.MADV_POPULATE_READ) == 0;
    }

    private static bool IsMapped(ulong first, ulong lengthBytes)
    {
        byte* resident = stackalloc byte[(int)ChunkPages];
        for (ulong at = first; at < first + lengthBytes; at += ChunkPages * PageBytes)
        {
            if (Libc.mincore((void*)at, (nuint)Math.Min(first + lengthBytes - at, ChunkPages * PageBytes), resident) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A sandbox may forbid these calls; then at a bad address an empty page is mapped, as wherever the NIC meets unmapped memory.</summary>
    private static bool IsForbidden(nint copied) =>
        copied < 0 && (Errno)Marshal.GetLastPInvokeError() is Errno.EPERM or Errno.ENOSYS;

    private static UverbsException BadAddress(ulong address, long lengthBytes) =>
        new(Errno.EFAULT, $"{lengthBytes} bytes at 0x{address:x} are not the program's to use");
}
