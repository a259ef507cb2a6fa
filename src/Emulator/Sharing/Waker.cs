using System.ComponentModel;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>A descriptor on which a thread of one process sleeps, and by which others wake it.</summary>
internal sealed unsafe class Waker : IDisposable
{
    public Waker()
        : this(Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK))
    {
    }

    /// <summary>Takes over a descriptor that another process has sent.</summary>
    public Waker(int descriptor) => Descriptor = descriptor >= 0
        ? descriptor
        : throw new InvalidOperationException($"eventfd failed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    public int Descriptor { get; }

    public void Wake()
    {
        ulong one = 1;
        _ = Libc.write(Descriptor, &one, sizeof(ulong));
    }

    public void Clear()
    {
        ulong count;
        _ = Libc.read(Descriptor, &count, sizeof(ulong));
    }

    public void Dispose() => _ = Libc.close(Descriptor);
}
