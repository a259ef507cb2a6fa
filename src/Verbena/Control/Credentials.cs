using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Control;

/// <summary>Who asks, in words for the log: <c>uid 0 gid 0 pid 4711</c>.</summary>
internal static class Credentials
{
    /// <summary>This process.</summary>
    public static string Own => Describe(new ucred { pid = Environment.ProcessId, uid = Libc.geteuid(), gid = Libc.getegid() });

    /// <summary>The process at the other end of a local socket, as the kernel noted when it connected (unix(7), SO_PEERCRED).</summary>
    public static unsafe string OfPeer(Socket socket)
    {
        ucred peer = default;
        socket.GetRawSocketOption(Sockets.SOL_SOCKET, Sockets.SO_PEERCRED, MemoryMarshal.AsBytes(new Span<ucred>(ref peer)));
        return Describe(peer);
    }

    private static string Describe(ucred who) => string.Create(CultureInfo.InvariantCulture, $"uid {who.uid} gid {who.gid} pid {who.pid}");
}
