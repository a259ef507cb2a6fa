using System.ComponentModel;
using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Two pages that programs map to read the device's clock: its count, and how that becomes the time of day.</summary>
/// <remarks>
/// No memory counts by itself, so the clock stands still between two passes of the NIC: some microseconds while there is
/// work, and as long as the NIC's thread rests without (see <see cref="NicThread"/>). It never goes backwards, and is never behind the
/// time stamp of a completion that the program has seen.
/// </remarks>
public sealed unsafe class ClockPages : IDisposable
{
    private const int PageBytes = 4096;
    private const int Pages = 2;
    private const long RefreshNanoseconds = 100_000_000;

    /// <summary>Of 12.8 ns a tick, as a multiple of 2^-24 ns: it exceeds no 32 bits, and 100 s of ticks times it no 64.</summary>
    private const int Shift = 24;
    private const uint Multiplier = (uint)((1_000_000UL << Shift) / DeviceClock.Kilohertz);
    private const ulong CycleMask = (1UL << 41) - 1; // Linux, drivers/net/ethernet/mellanox/mlx5/core/lib/clock.c

    private readonly byte* _base;
    private readonly long _timeOfDay; // of the moment 0, in nanoseconds since 1970
    private long _refreshed;

    /// <param name="nowNanoseconds">The device's time.</param>
    /// <param name="utcNow">The time of day at that moment; from then on the device's clock alone counts.</param>
    internal ClockPages(long nowNanoseconds, DateTimeOffset utcNow)
    {
        FileDescriptor = Libc.memfd_create("verbena-clock", Libc.MFD_CLOEXEC | Libc.MFD_ALLOW_SEALING);
        if (FileDescriptor < 0 || Libc.ftruncate(FileDescriptor, Pages * PageBytes) != 0)
        {
            throw Failure("memfd_create");
        }

        void* address = Libc.mmap(null, Pages * PageBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, FileDescriptor, 0);
        if (address == (void*)-1 || Libc.fcntl(FileDescriptor, Libc.F_ADD_SEALS, Libc.F_SEAL_FUTURE_WRITE) != 0)
        {
            throw Failure("mmap");
        }

        _base = (byte*)address;
        _timeOfDay = (utcNow.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * TimeSpan.NanosecondsPerTick - nowNanoseconds;
        Refresh(nowNanoseconds);
        Show(nowNanoseconds);
    }

    /// <summary>The memory file: the count in its first page, the conversion in the second. Nobody else can map it writable (EPERM).</summary>
    public int FileDescriptor { get; }

    /// <summary>The offset in the file of the page that a program asks for by its offset in the device node; -1: it is none of these.</summary>
    public static long Offset(long mmapOffset) => mmapOffset switch
    {
        Mlx5Abi.MLX5_IB_MMAP_CORE_CLOCK << 20 => 0,
        Mlx5Abi.MLX5_IB_MMAP_CLOCK_INFO << 20 => PageBytes,
        _ => -1,
    };

    /// <summary>Moves the clock on. True: a tenth of a second has passed since it was last true.</summary>
    internal bool Show(long nowNanoseconds)
    {
        // One store: who reads the halves sees a carry between them as two upper halves that differ.
        Volatile.Write(ref *(ulong*)_base, new Be64(DeviceClock.Ticks(nowNanoseconds)).Raw);
        if (nowNanoseconds - _refreshed <= RefreshNanoseconds)
        {
            return false;
        }

        Refresh(nowNanoseconds);
        return true;
    }

    public void Dispose()
    {
        _ = Libc.munmap(_base, Pages * PageBytes);
        _ = Libc.close(FileDescriptor);
    }

    private void Refresh(long nowNanoseconds)
    {
        _refreshed = nowNanoseconds;
        var info = (mlx5_ib_clock_info*)(_base + PageBytes);
        ulong cycles = DeviceClock.Ticks(nowNanoseconds);
        Interlocked.Increment(ref info->sign); // odd: being written
        info->nsec = (ulong)(_timeOfDay + DeviceClock.Nanoseconds(cycles));
        info->cycles = cycles & CycleMask;
        info->mult = Multiplier;
        info->shift = Shift;
        info->mask = CycleMask;
        info->overflow_period = RefreshNanoseconds;
        Interlocked.Increment(ref info->sign);
    }

    private static InvalidOperationException Failure(string call) =>
        new($"{call} for the NIC's clock failed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
}
