using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Attachment;

/// <summary>What the RDMA libraries call instead of libc's functions of these names.</summary>
/// <remarks>
/// What concerns an emulated device is answered; everything else goes on to libc. errno is left as libc would leave it:
/// set by a failure, untouched by a success. Only blocking calls (read, poll) are not here; events come from real sockets.
/// </remarks>
internal static unsafe class SystemCalls
{
    private static volatile DeviceNodes? s_nodes;

    /// <summary>The functions to replace, each with its replacement.</summary>
    public static readonly (string Symbol, nint Hook)[] Hooks =
    [
        ("open", (nint)(delegate* unmanaged[Cdecl]<byte*, int, int, int>)&Open),
        ("stat", (nint)(delegate* unmanaged[Cdecl]<byte*, stat*, int>)&Stat),
        ("fstat", (nint)(delegate* unmanaged[Cdecl]<int, stat*, int>)&Fstat),
        ("ioctl", (nint)(delegate* unmanaged[Cdecl]<int, nuint, void*, int>)&Ioctl),
        ("mmap", (nint)(delegate* unmanaged[Cdecl]<void*, nuint, int, int, int, long, void*>)&Mmap),
        ("close", (nint)(delegate* unmanaged[Cdecl]<int, int>)&Close),
        ("socket", (nint)(delegate* unmanaged[Cdecl]<int, int, int, int>)&Socket),
    ];

    /// <summary>The devices that are there for the libraries; null: none.</summary>
    public static DeviceNodes? Nodes
    {
        get => s_nodes;
        set => s_nodes = value;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Open(byte* path, int flags, int mode)
    {
        int errno = Marshal.GetLastSystemError();
        return s_nodes?.Open(path) is { } answer ? Answer(answer, errno) : Passed(Libc.open(path, flags, mode), errno);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Stat(byte* path, stat* result)
    {
        int errno = Marshal.GetLastSystemError();
        return s_nodes?.Stat(path, result) is { } answer ? Answer(answer, errno) : Passed(Libc.stat(path, result), errno);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Fstat(int descriptor, stat* result)
    {
        int errno = Marshal.GetLastSystemError();
        return s_nodes?.Fstat(descriptor, result) is { } answer ? Answer(answer, errno) : Passed(Libc.fstat(descriptor, result), errno);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Ioctl(int descriptor, nuint request, void* argument)
    {
        int errno = Marshal.GetLastSystemError();
        return request == Interop.Uverbs.Ioctl.RDMA_VERBS_IOCTL && s_nodes?.Ioctl(descriptor, (ib_uverbs_ioctl_hdr*)argument) is { } answer
            ? Answer(answer, errno)
            : Passed(Libc.ioctl(descriptor, request, argument), errno);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Mmap(void* address, nuint length, int protection, int flags, int descriptor, long offset)
    {
        int errno = Marshal.GetLastSystemError();
        if (s_nodes is { } nodes && nodes.IsDevice(descriptor))
        {
            (descriptor, offset) = nodes.UarMapping(descriptor, length, offset);
        }

        void* mapped = Libc.mmap(address, length, protection, flags, descriptor, offset);
        Marshal.SetLastSystemError((nint)mapped == -1 ? Marshal.GetLastPInvokeError() : errno);
        return mapped;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Close(int descriptor)
    {
        int errno = Marshal.GetLastSystemError();
        s_nodes?.Close(descriptor);
        return Passed(Libc.close(descriptor), errno);
    }

    /// <summary>Without RDMA netlink libibverbs reads sysfs, where the emulated devices are.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Socket(int domain, int type, int protocol)
    {
        int errno = Marshal.GetLastSystemError();
        return domain == Sockets.AF_NETLINK && protocol == Sockets.NETLINK_RDMA
            ? Answer(-(int)Errno.EPROTONOSUPPORT, errno)
            : Passed(Libc.socket(domain, type, protocol), errno);
    }

    /// <summary>Turns 0, a descriptor or a negative errno into what C gets.</summary>
    private static int Answer(int result, int errno)
    {
        Marshal.SetLastSystemError(result < 0 ? -result : errno);
        return result < 0 ? -1 : result;
    }

    private static int Passed(int result, int errno)
    {
        Marshal.SetLastSystemError(result < 0 ? Marshal.GetLastPInvokeError() : errno);
        return result;
    }
}
