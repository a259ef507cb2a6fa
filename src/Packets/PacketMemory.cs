using System.Runtime.InteropServices;

[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]

namespace Verbena.Packets;

/// <summary>One zeroed, page-aligned memory area outside the garbage collector's heap, for a NIC to read and write.</summary>
/// <remarks>It lives until <see cref="Dispose"/>; whoever registered it with a NIC takes the registration back first.</remarks>
public sealed unsafe partial class PacketMemory : IDisposable
{
    private const nuint HugePageBytes = 2 << 20;
    private const int ProtReadWrite = 3;      // PROT_READ | PROT_WRITE
    private const int MapPrivateAnonymous = 0x22;
    private const int MapHugeTlb = 0x40000;
    private const int MadvHugePage = 14;

    /// <summary>Maps at least <paramref name="lengthBytes"/>, rounded up to 2 MiB.</summary>
    /// <exception cref="InvalidOperationException">The host has no memory for it.</exception>
    public PacketMemory(nuint lengthBytes)
    {
        LengthBytes = (lengthBytes + HugePageBytes - 1) & ~(HugePageBytes - 1);
        Address = Map(MapPrivateAnonymous | MapHugeTlb);
        OnHugePages = Address != null;
        if (Address == null)
        {
            Address = Map(MapPrivateAnonymous);
            if (Address == null)
            {
                throw new InvalidOperationException($"mmap of {LengthBytes} bytes for packets failed: the host has no memory left");
            }

            _ = madvise(Address, LengthBytes, MadvHugePage); // transparent huge pages, where the host allows them
        }
    }

    public byte* Address { get; private set; }

    public nuint LengthBytes { get; }

    /// <summary>True if the area lies on reserved huge pages, false if it had to make do with ordinary ones.</summary>
    public bool OnHugePages { get; }

    public void Dispose()
    {
        if (Address != null)
        {
            _ = munmap(Address, LengthBytes);
            Address = null;
        }
    }

    private byte* Map(int flags)
    {
        void* address = mmap(null, LengthBytes, ProtReadWrite, flags, -1, 0);
        return address == (void*)-1 ? null : (byte*)address;
    }

#pragma warning disable IDE1006 // libc's own names
    [LibraryImport("libc")]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
#pragma warning restore IDE1006
}
