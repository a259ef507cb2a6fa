using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Uverbs;
using Verbena.Interop;
using Verbena.Interop.Shim;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Attachment;

/// <summary>The device nodes /dev/infiniband/uverbs<i>n</i> of the emulated NICs, as system calls see them.</summary>
internal sealed unsafe partial class DeviceNodes(Func<IReadOnlyList<UverbsDevice>> devices, FileTable files, ILogger logger)
{
    public int Count => devices().Count;

    /// <summary>The result of a call: 0, a descriptor, or a negative errno. Nothing escapes as an exception.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "a defect of the emulator must not end the program below which it runs")]
    public long Answer(verbena_call* call)
    {
        try
        {
            return (verbena_call_kind)call->kind switch
            {
                verbena_call_kind.VERBENA_CALL_OPEN => Open(devices()[call->file]),
                verbena_call_kind.VERBENA_CALL_IOCTL => Ioctl(call->file, (ib_uverbs_ioctl_hdr*)call->argument, call->thread),
                verbena_call_kind.VERBENA_CALL_MMAP => Map(call),
                verbena_call_kind.VERBENA_CALL_CLOSE => Close(call->file),
                _ => -(int)Errno.EINVAL,
            };
        }
        catch (Exception failure)
        {
            LogDefect(failure);
            return -(int)Errno.EIO;
        }
    }

    /// <summary>Destroys what programs have left. Nothing escapes as an exception.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "as in Answer")]
    public void CloseAll()
    {
        try
        {
            files.CloseAll();
        }
        catch (Exception failure)
        {
            LogLeft(failure);
        }
    }

    private int Open(UverbsDevice device)
    {
        int descriptor = Libc.open("/dev/null", Libc.O_RDWR | Libc.O_CLOEXEC);
        if (descriptor < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        UverbsContext context = device.Open();
        if (!files.TryAdd(descriptor, context, device.Index))
        {
            context.Close();
            _ = Libc.close(descriptor);
            return -(int)Errno.EMFILE;
        }

        return descriptor;
    }

    private int Ioctl(int file, ib_uverbs_ioctl_hdr* header, int thread) =>
        files.TryGet(file, out UverbsContext? context) ? context.Device.Ioctl(context, header, thread) : -(int)Errno.ENOTTY;

    /// <summary>The descriptor to map instead, and the offset in it.</summary>
    private int Map(verbena_call* call)
    {
        if (!files.TryGet(call->file, out UverbsContext? context))
        {
            return -(int)Errno.EINVAL;
        }

        (int descriptor, call->offset) = context.Device.Mapping(context, call->argument, call->offset);
        return call->offset < 0 ? -(int)Errno.EINVAL : descriptor;
    }

    private int Close(int file)
    {
        files.Close(file);
        return 0;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "emulated NIC: a command failed in the emulator itself; the program gets EIO")]
    private partial void LogDefect(Exception failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "emulated NIC: what programs have left could not all be destroyed")]
    private partial void LogLeft(Exception failure);
}
