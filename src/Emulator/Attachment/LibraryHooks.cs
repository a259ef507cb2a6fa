using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Shim;

namespace Verbena.Emulator.Attachment;

/// <summary>Leads the system calls of libibverbs, libmlx5 and libnl to the shim, until disposed.</summary>
/// <remarks>
/// Only the words in these libraries that hold the functions' addresses are changed; the rest of the process, the runtime
/// among it, calls libc as before. The pages of these words stay writable afterwards: where a library is bound lazily the
/// dynamic linker still writes to them.
/// </remarks>
internal sealed unsafe class LibraryHooks : IDisposable
{
    private const string Install = "install rdma-core's libraries: apt-get install libibverbs1 ibverbs-providers";
    private static readonly string[] s_symbols = ["open", "stat", "fstat", "ioctl", "mmap", "read", "close", "socket"];

    private readonly List<(nint Slot, nint Original)> _changed = [];

    /// <exception cref="InvalidOperationException">The libraries are not there; the message says how to get them.</exception>
    public LibraryHooks(NicShim shim)
    {
        // libmlx5 before its first use, so that libibverbs finds the provider in the process and looks for no others.
        link_map*[] libraries = [Load("libibverbs.so.1"), Load("libmlx5.so.1"), Load("libnl-3.so.200")];
        foreach (link_map* library in libraries)
        {
            foreach (string symbol in s_symbols)
            {
                Redirect(library, symbol, shim.Find(symbol));
            }
        }
    }

    public void Dispose()
    {
        foreach ((nint slot, nint original) in _changed)
        {
            Volatile.Write(ref *(nint*)slot, original);
        }

        _changed.Clear();
    }

    private static link_map* Load(string name)
    {
        void* handle = Libc.dlopen(name, Libc.RTLD_NOW);
        link_map* library;
        if (handle == null || Libc.dlinfo(handle, Libc.RTLD_DI_LINKMAP, &library) != 0)
        {
            throw new InvalidOperationException($"the emulated NIC: {Marshal.PtrToStringUTF8((nint)Libc.dlerror())}; {Install}");
        }

        return library;
    }

    private void Redirect(link_map* library, string symbol, nint hook)
    {
        foreach (nint slot in GlobalOffsetTable.FindSlots(library, System.Text.Encoding.ASCII.GetBytes(symbol)))
        {
            nint page = slot & ~(nint)(Environment.SystemPageSize - 1);
            if (Libc.mprotect((void*)page, (nuint)Environment.SystemPageSize, Libc.PROT_READ | Libc.PROT_WRITE) != 0)
            {
                throw new InvalidOperationException($"the emulated NIC: mprotect failed with {(Errno)Marshal.GetLastPInvokeError()}");
            }

            _changed.Add((slot, *(nint*)slot));
            Volatile.Write(ref *(nint*)slot, hook);
        }
    }
}
