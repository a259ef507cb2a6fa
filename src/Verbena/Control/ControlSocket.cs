using System.Net.Sockets;

namespace Verbena.Control;

/// <summary>Where the control socket lies, and who may use it.</summary>
internal static class ControlSocket
{
    private const string SystemPath = "/run/verbena/cli.sock";
    private const UnixFileMode OwnerAndGroup =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private const UnixFileMode OwnersDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode EverybodysDirectory = OwnersDirectory
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>The default: <c>/run/verbena/cli.sock</c> for root, a place of one's own for ordinary users.</summary>
    public static string DefaultPath => Environment.IsPrivilegedProcess ? SystemPath : Path.Combine(OwnDirectory, "cli.sock");

    private static string OwnDirectory => Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own
        ? Path.Combine(own, "verbena")
        : Path.Combine(Path.GetTempPath(), $"verbena-{Environment.UserName}");

    /// <summary>Listens at <paramref name="path"/> with mode 0660, in the place of a daemon that has died there.</summary>
    /// <exception cref="VerbenaException">A daemon listens there, or the place can't be used.</exception>
    public static Socket Listen(string path)
    {
        try
        {
            Directory.CreateDirectory(
                Path.GetDirectoryName(Path.GetFullPath(path))!, Environment.IsPrivilegedProcess ? EverybodysDirectory : OwnersDirectory);
            RemoveStale(path);
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Bind(new UnixDomainSocketEndPoint(path));
                File.SetUnixFileMode(path, OwnerAndGroup);
                socket.Listen();
                return socket;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException or ArgumentException)
        {
            throw new VerbenaException($"can't listen on {path}: {e.Message.TrimEnd('.')}; choose another place with --socket", e);
        }
    }

    /// <summary>Connects to the daemon; an ordinary user's <c>ctl</c> also looks for the system's daemon.</summary>
    /// <param name="path">The socket, or null for the default.</param>
    /// <exception cref="VerbenaException">No daemon listens there, or this user may not talk to it.</exception>
    public static Socket Connect(string? path)
    {
        path ??= File.Exists(DefaultPath) ? DefaultPath : SystemPath;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new VerbenaException(e is SocketException { SocketErrorCode: SocketError.AccessDenied }
                ? $"this user may not talk to the daemon at {path}: it is for its owner and group"
                : $"no daemon listens on {path}: start one with 'verbena start', or name its --socket", e);
        }
    }

    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if (!IsSocket(path))
            {
                throw new IOException("it is a file, not a socket", e);
            }

            File.Delete(path); // nobody has it open any more
            return;
        }

        throw new IOException("another daemon listens there");
    }

    /// <summary>A regular file refuses connections just as a dead socket does, but is not ours to delete.</summary>
    private static bool IsSocket(string path) => new FileInfo(path) is { Length: 0 } && !CanOpen(path);

    private static bool CanOpen(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return true;
        }
        catch (IOException)
        {
            return false; // ENXIO: a socket can't be opened
        }
    }
}
