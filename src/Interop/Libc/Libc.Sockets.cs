using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Sockets between the emulated kernel and programs (sys/socket.h).</summary>
public static unsafe partial class Libc
{
    /// <summary>Two connected sockets; failure gives -1 and errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int socketpair(int domain, int type, int protocol, int* sv);
}
