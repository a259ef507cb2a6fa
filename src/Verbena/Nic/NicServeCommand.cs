using System.Runtime.InteropServices;
using Verbena.Emulator;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Sharing;
using Verbena.Interop;

namespace Verbena.Nic;

/// <summary><c>verbena nic serve</c>, which <see cref="NicRunCommand"/> starts: holds the NICs of a program until that has ended.</summary>
internal static class NicServeCommand
{
    private const uint WritableByOwner = 0x12; // 022
    private const UnixFileMode EverybodyReads = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <param name="options">Which NICs.</param>
    /// <param name="program">The process to outlive, with whatever it has started that uses the ports.</param>
    /// <remarks>
    /// It leaves the program's process group, whose signals are not for it, but not the session: the kernel shares processors
    /// out between sessions (autogroups), and let one that does a little on several processors wait for seconds.
    /// </remarks>
    public static async Task<int> RunAsync(NicRunOptions options, int program)
    {
        _ = Libc.setpgid(0, 0);
        _ = Libc.umask(WritableByOwner); // any user may look for NICs, as below /sys
        using var tree = new SysfsTree([.. NicOptions.WithFunctions(options.Nics).Select(NicIdentity.Of)], EverybodyReads);
        using PortServer? ports = options.IsPrivate ? null : Start(options, new Admission(program));
        using SysfsUpdates? updates = ports is null ? null : new SysfsUpdates(SysfsTree.Path, ports.Ports.Select((port, index) => (index, (IPortStatus)port)));
        Console.WriteLine(SysfsTree.Path);
        Console.Out.Close();
        WaitFor(program);
        while (ports is { IsUsed: true })
        {
            await Task.Delay(100).ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>Where processes join the ports that belong to a tree.</summary>
    public static string SocketIn(string tree) => Path.Combine(tree, "ports.sock");

    private static PortServer Start(NicRunOptions options, Admission admission)
    {
        try
        {
            return PortServer.Start(options.Nics, SocketIn(SysfsTree.Path), admission, FileLog.To(options.Log));
        }
        catch (InvalidOperationException refusal)
        {
            throw new VerbenaException(refusal.Message, refusal);
        }
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
