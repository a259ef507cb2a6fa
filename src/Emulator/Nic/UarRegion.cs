using System.ComponentModel;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Nic;

/// <summary>The device's register pages (UAR): one sparse memory file, mapped here and, page by page, by programs.</summary>
/// <remarks>Page n lies at offset n · 4096 of the file. A page that was never written costs no memory.</remarks>
public sealed unsafe class UarRegion : IDisposable
{
    public const int PageBytes = 4096;
    public const int Pages = 4096;

    /// <summary>Offset of the first doorbell register in a page.</summary>
    internal const int FirstRegister = 0x800;

    /// <summary>Registers are looked at every 256 bytes: that finds both halves of each, and small ones of newer libraries.</summary>
    internal const int RegisterBytes = 0x100;

    internal const int RegistersPerPage = 8;

    private readonly byte* _base;
    private readonly bool[] _allocated = new bool[Pages];

    public UarRegion()
    {
        FileDescriptor = Libc.memfd_create("verbena-uar", Libc.MFD_CLOEXEC);
        if (FileDescriptor < 0 || Libc.ftruncate(FileDescriptor, (long)Pages * PageBytes) != 0)
        {
            throw Failure("memfd_create");
        }

        void* address = Libc.mmap(null, Pages * PageBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, FileDescriptor, 0);
        if (address == (void*)-1)
        {
            throw Failure("mmap");
        }

        _base = (byte*)address;
    }

    /// <summary>The memory file; programs map page n of it from offset n · 4096. It stays ours.</summary>
    public int FileDescriptor { get; }

    /// <summary>Takes a free page, all zero, and returns its index.</summary>
    /// <exception cref="NicException">ENOSPC: all pages are taken.</exception>
    public int AllocatePage()
    {
        int page = Array.IndexOf(_allocated, false);
        if (page < 0)
        {
            throw NicException.Exhausted($"all {Pages} UAR pages are taken");
        }

        _allocated[page] = true;
        new Span<byte>(_base + (page * PageBytes), PageBytes).Clear();
        return page;
    }

    public void FreePage(int page) => _allocated[page] = false;

    public void Dispose()
    {
        _ = Libc.munmap(_base, Pages * PageBytes);
        _ = Libc.close(FileDescriptor);
    }

    internal bool IsAllocated(int page) => (uint)page < Pages && _allocated[page];

    /// <summary>Takes what a program wrote to the doorbell register <paramref name="register"/> of a page; 0: nothing.</summary>
    internal ulong TakeDoorbell(int page, int register) => Take(page, FirstRegister + (register * RegisterBytes));

    /// <summary>Takes what a program wrote to the arm register of a page; 0: nothing.</summary>
    internal ulong TakeArm(int page) => Take(page, Interop.Mlx5.Mlx5Cqe.MLX5_CQ_DOORBELL);

    /// <summary>Reads first, since an exchange each time would keep the line from the program's processor.</summary>
    private ulong Take(int page, int offset)
    {
        ref ulong slot = ref *(ulong*)(_base + (page * PageBytes) + offset);
        return Volatile.Read(ref slot) == 0 ? 0 : Interlocked.Exchange(ref slot, 0);
    }

    private static InvalidOperationException Failure(string call) =>
        new($"{call} for the NIC's registers failed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
}
