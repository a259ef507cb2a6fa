using Verbena.Emulator.Nic;
using Verbena.Interop;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>A program's own mapping of a register page.</summary>
internal static unsafe class RegisterPage
{
    public static void Write(int descriptor, int page, int offset, ulong value)
    {
        void* address = Libc.mmap(null, UarRegion.PageBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, descriptor, (long)page * UarRegion.PageBytes);
        Assert.True((nint)address != -1, "the page can be mapped");
        Volatile.Write(ref *(ulong*)((byte*)address + offset), value);
        _ = Libc.munmap(address, UarRegion.PageBytes);
    }
}
