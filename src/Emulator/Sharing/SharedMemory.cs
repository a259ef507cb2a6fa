using System.ComponentModel;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>Memory that several processes map: one makes it, all zero, and sends its descriptor to the others.</summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    private readonly nuint _bytes;

    public SharedMemory(string name, int bytes)
        : this(Create(name, bytes), bytes)
    {
    }

    /// <summary>Maps the memory behind a descriptor, which it takes over.</summary>
    public SharedMemory(int descriptor, int bytes)
    {
        Descriptor = descriptor;
        _bytes = (nuint)bytes;
        void* address = Libc.mmap(null, _bytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, descriptor, 0);
        if ((nint)address == -1)
        {
            InvalidOperationException failure = Failure("mmap");
            _ = Libc.close(descriptor);
            throw failure;
        }

        Base = (byte*)address;
    }

    public int Descriptor { get; }

    public byte* Base { get; }

    public void Dispose()
    {
        _ = Libc.munmap(Base, _bytes);
        _ = Libc.close(Descriptor);
    }

    private static int Create(string name, int bytes)
    {
        int descriptor = Libc.memfd_create(name, Libc.MFD_CLOEXEC);
        return descriptor >= 0 && Libc.ftruncate(descriptor, bytes) == 0 ? descriptor : throw Failure("memfd_create");
    }

    private static InvalidOperationException Failure(string call) =>
        new($"{call} for memory that processes share failed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
}
