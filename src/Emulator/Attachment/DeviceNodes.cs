using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Uverbs;
using Verbena.Interop;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Attachment;

/// <summary>The device nodes /dev/infiniband/uverbs<i>n</i> of the emulated NICs, as system calls see them.</summary>
/// <remarks>
/// Each member answers with a result or a negative errno; null means that the call does not concern an emulated device.
/// Nothing escapes as an exception, for above is C code.
/// </remarks>
internal sealed unsafe partial class DeviceNodes(IReadOnlyList<UverbsDevice> devices, FileTable files, ILogger logger)
{
    private readonly (byte[] Path, UverbsDevice Device)[] _nodes =
        [.. devices.Select(device => (Encoding.UTF8.GetBytes($"/dev/infiniband/uverbs{device.Index}"), device))];

    public int? Open(byte* path)
    {
        if (Find(path) is not { } device)
        {
            return null;
        }

        int descriptor = Libc.open("/dev/null", Libc.O_RDWR | Libc.O_CLOEXEC);
        if (descriptor < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        files.Add(descriptor, device.Open());
        return descriptor;
    }

    public int? Stat(byte* path, stat* result) => Find(path) is { } device ? Describe(device, result) : null;

    public int? Fstat(int descriptor, stat* result) =>
        files.TryGet(descriptor, out UverbsContext? context) ? Describe(context.Device, result) : null;

    public int? Ioctl(int descriptor, ib_uverbs_ioctl_hdr* header)
    {
        if (!files.TryGet(descriptor, out UverbsContext? context))
        {
            return null;
        }

        try
        {
            return context.Device.Ioctl(context, header);
        }
        catch (Exception failure) // a defect of the emulator must not end the program below which it runs
        {
            LogDefect(failure);
            return -(int)Errno.EIO;
        }
    }

    public bool IsDevice(int descriptor) => files.TryGet(descriptor, out UverbsContext? _);

    /// <summary>The descriptor and offset to map instead; the descriptor is -1 (EBADF) where the program may not map.</summary>
    public (int Descriptor, long Offset) UarMapping(int descriptor, nuint length, long offset)
    {
        if (!files.TryGet(descriptor, out UverbsContext? context) || length != UarRegion.PageBytes)
        {
            return (-1, 0);
        }

        long fileOffset = context.Device.UarOffset(context, offset);
        return fileOffset < 0 ? (-1, 0) : (context.Device.Nic.Uar.FileDescriptor, fileOffset);
    }

    /// <summary>The program is about to close a descriptor.</summary>
    public void Close(int descriptor)
    {
        try
        {
            files.Close(descriptor);
        }
        catch (Exception failure) // as above
        {
            LogDefect(failure);
        }
    }

    private static int Describe(UverbsDevice device, stat* result)
    {
        fixed (byte* path = "/dev/null"u8)
        {
            if (Libc.stat(path, result) != 0)
            {
                return -Marshal.GetLastPInvokeError();
            }
        }

        result->st_mode = Libc.S_IFCHR | 0x1B6; // rw for all
        result->st_rdev = device.DeviceNumber;
        return 0;
    }

    private UverbsDevice? Find(byte* path)
    {
        ReadOnlySpan<byte> asked = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(path);
        foreach ((byte[] known, UverbsDevice device) in _nodes)
        {
            if (asked.SequenceEqual(known))
            {
                return device;
            }
        }

        return null;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "emulated NIC: a command failed in the emulator itself; the program gets EIO")]
    private partial void LogDefect(Exception failure);
}
