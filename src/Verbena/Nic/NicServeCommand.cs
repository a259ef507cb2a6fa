using System.Runtime.InteropServices;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Interop;

namespace Verbena.Nic;

/// <summary><c>verbena nic serve</c>, which <see cref="NicRunCommand"/> starts: holds the NICs of a program until that has ended.</summary>
internal static class NicServeCommand
{
    /// <param name="options">Which NICs.</param>
    /// <param name="program">The process to outlive.</param>
    public static int Run(NicRunOptions options, int program)
    {
        using var tree = new SysfsTree([.. options.Nics.Select(NicIdentity.Of)]);
        Console.WriteLine(SysfsTree.Path);
        Console.Out.Close();
        WaitFor(program);
        return 0;
    }

    private static unsafe void WaitFor(int process)
    {
        int descriptor = Libc.pidfd_open(process, 0);
        if (descriptor < 0)
        {
            return; // it has ended already
        }

        var ended = new pollfd { fd = descriptor, events = Libc.POLLIN };
        while (Libc.ppoll(&ended, 1, null, null) < 0 && Marshal.GetLastPInvokeError() == (int)Errno.EINTR)
        {
        }

        _ = Libc.close(descriptor);
    }
}
