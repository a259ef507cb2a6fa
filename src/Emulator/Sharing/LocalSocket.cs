using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>A connection between two processes of a machine: whole messages, and descriptors along with them.</summary>
internal sealed unsafe class LocalSocket(int descriptor) : IDisposable
{
    /// <summary>The most descriptors that one message carries.</summary>
    public const int MaxDescriptors = 2;

    private const uint EveryonesRights = 0x1B6; // rw for all
    private const int ControlBytes = 64; // a head and as many descriptors

    public int Descriptor => descriptor;

    /// <summary>Who connected at the other end; process 0 where it has no number here.</summary>
    public ucred Peer
    {
        get
        {
            ucred peer = default;
            uint bytes = (uint)sizeof(ucred);
            _ = Libc.getsockopt(descriptor, Sockets.SOL_SOCKET, Sockets.SO_PEERCRED, &peer, &bytes); // unix(7): a connected socket has them
            return peer;
        }
    }

    /// <summary>True once the other end is closed and everything from it was received.</summary>
    public bool IsClosed
    {
        get
        {
            byte any;
            nint length = Libc.recv(descriptor, &any, 1, Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
            return length == 0 || (length < 0 && Marshal.GetLastPInvokeError() != (int)Errno.EAGAIN);
        }
    }

    /// <summary>Waits at a path for connections, which any user may make.</summary>
    /// <exception cref="InvalidOperationException">It can't; the message says why.</exception>
    public static LocalSocket Listen(string path)
    {
        LocalSocket socket = Create();
        sockaddr_un address = Address(path);
        return socket.Checked(Libc.bind(socket.Descriptor, &address, (uint)sizeof(sockaddr_un)), path)
            .Checked(Libc.chmod(path, EveryonesRights), path)
            .Checked(Libc.listen(socket.Descriptor, 64), path);
    }

    /// <exception cref="InvalidOperationException">Nobody waits there; the message says why.</exception>
    public static LocalSocket Connect(string path)
    {
        LocalSocket socket = Create();
        sockaddr_un address = Address(path);
        return socket.Checked(Libc.connect(socket.Descriptor, &address, (uint)sizeof(sockaddr_un)), path);
    }

    /// <summary>Takes the next connection; null if there is none after all.</summary>
    public LocalSocket? Accept()
    {
        int accepted = Libc.accept4(descriptor, null, null, Sockets.SOCK_CLOEXEC);
        return accepted < 0 ? null : new LocalSocket(accepted);
    }

    /// <summary>Sends one message. False: the other end is gone.</summary>
    public bool Send(ReadOnlySpan<byte> message, params ReadOnlySpan<int> descriptors)
    {
        byte* control = stackalloc byte[ControlBytes];
        fixed (byte* bytes = message)
        {
            iovec vector = new() { iov_base = bytes, iov_len = (nuint)message.Length };
            msghdr head = new() { msg_iov = &vector, msg_iovlen = 1 };
            if (descriptors.Length > 0)
            {
                *(cmsghdr*)control = new cmsghdr
                {
                    cmsg_len = (nuint)(sizeof(cmsghdr) + (descriptors.Length * sizeof(int))),
                    cmsg_level = Sockets.SOL_SOCKET,
                    cmsg_type = Sockets.SCM_RIGHTS,
                };
                descriptors.CopyTo(new Span<int>(control + sizeof(cmsghdr), descriptors.Length));
                head.msg_control = control;
                head.msg_controllen = ((cmsghdr*)control)->cmsg_len;
            }

            return Libc.sendmsg(descriptor, &head, Sockets.MSG_NOSIGNAL) == message.Length;
        }
    }

    /// <summary>Waits for the next message. Returns its length, 0 if the other end is gone; descriptors that did not come are -1.</summary>
    public int Receive(Span<byte> message, Span<int> descriptors)
    {
        byte* control = stackalloc byte[ControlBytes];
        descriptors.Fill(-1);
        fixed (byte* bytes = message)
        {
            iovec vector = new() { iov_base = bytes, iov_len = (nuint)message.Length };
            msghdr head = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = ControlBytes };
            nint length;
            do
            {
                length = Libc.recvmsg(descriptor, &head, Sockets.MSG_CMSG_CLOEXEC);
            }
            while (length < 0 && Marshal.GetLastPInvokeError() is (int)Errno.EINTR or (int)Errno.ECONNRESET); // of a reset one hears once, before what had come
            if (length > 0 && head.msg_controllen >= (nuint)sizeof(cmsghdr) && ((cmsghdr*)control)->cmsg_type == Sockets.SCM_RIGHTS)
            {
                int count = ((int)((cmsghdr*)control)->cmsg_len - sizeof(cmsghdr)) / sizeof(int);
                Take(new ReadOnlySpan<int>(control + sizeof(cmsghdr), count), descriptors);
            }

            return (int)Math.Max(length, 0);
        }
    }

    public void Dispose() => _ = Libc.close(descriptor);

    /// <summary>Hands over the descriptors that were asked for, and closes others.</summary>
    private static void Take(ReadOnlySpan<int> received, Span<int> wanted)
    {
        for (int i = 0; i < received.Length; i++)
        {
            if (i < wanted.Length)
            {
                wanted[i] = received[i];
            }
            else
            {
                _ = Libc.close(received[i]);
            }
        }
    }

    private static LocalSocket Create()
    {
        int created = Libc.socket(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0);
        return new LocalSocket(created).Checked(created, "a UNIX socket");
    }

    private LocalSocket Checked(int result, string what)
    {
        if (result >= 0)
        {
            return this;
        }

        string reason = new Win32Exception(Marshal.GetLastPInvokeError()).Message;
        Dispose();
        throw new InvalidOperationException($"emulated NICs that processes share: {what}: {reason}");
    }

    private static sockaddr_un Address(string path)
    {
        sockaddr_un address = new() { sun_family = Sockets.AF_UNIX };
        if (Encoding.UTF8.GetByteCount(path) >= sockaddr_un.PathBytes)
        {
            throw new InvalidOperationException($"{path} is too long for a UNIX socket, which takes {sockaddr_un.PathBytes - 1} bytes");
        }

        Encoding.UTF8.GetBytes(path, new Span<byte>(address.sun_path, sockaddr_un.PathBytes));
        return address;
    }
}
