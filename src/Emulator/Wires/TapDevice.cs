using System.ComponentModel;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Wires;

/// <summary>The program's side of a TAP interface, which vanishes from Linux when this is disposed.</summary>
internal sealed unsafe class TapDevice : IDisposable
{
    private const int Eperm = 1;
    private const int Ebusy = 16;
    private const int Einval = 22;
    private const int Emfile = 24;

    /// <exception cref="InvalidOperationException">There can be no such TAP; the message says why and what helps.</exception>
    public TapDevice(string name)
    {
        Descriptor = Libc.open("/dev/net/tun", Libc.O_RDWR | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        if (Descriptor < 0)
        {
            throw Failure(name);
        }

        ifreq request = InterfaceRequests.Named(name);
        request.ifr_flags = IfTun.IFF_TAP | IfTun.IFF_NO_PI;
        if (Libc.ioctl(Descriptor, IfTun.TUNSETIFF, &request) < 0)
        {
            InvalidOperationException failure = Failure(name);
            _ = Libc.close(Descriptor);
            throw failure;
        }

        Requests = new InterfaceRequests(name);
    }

    public int Descriptor { get; }

    public InterfaceRequests Requests { get; }

    public void SetCarrier(bool up)
    {
        int carrier = up ? 1 : 0;
        _ = Libc.ioctl(Descriptor, IfTun.TUNSETCARRIER, &carrier);
    }

    /// <summary>Appends what Linux has sent, padded to the shortest length of Ethernet.</summary>
    public void Receive(FrameBatch frames)
    {
        while (frames.HasRoom)
        {
            nint length;
            fixed (byte* buffer = frames.Reserve())
            {
                length = Libc.read(Descriptor, buffer, FrameBatch.MaxFrameBytes);
            }

            if (length < Packets.EthernetHeader.Size)
            {
                return;
            }

            frames.CommitPadded((int)length);
        }
    }

    /// <summary>Hands all frames to Linux, and returns how many it took; none while the interface is down.</summary>
    public int Send(FrameBatch frames)
    {
        int taken = 0;
        for (int i = 0; i < frames.Count; i++)
        {
            Span<byte> frame = frames[i];
            fixed (byte* bytes = frame)
            {
                taken += Libc.write(Descriptor, bytes, (nuint)frame.Length) == frame.Length ? 1 : 0;
            }
        }

        return taken;
    }

    public void Dispose()
    {
        Requests.Dispose();
        _ = Libc.close(Descriptor);
    }

    private static InvalidOperationException Failure(string name)
    {
        int errno = Marshal.GetLastPInvokeError();
        string help = errno switch
        {
            Eperm => "it needs CAP_NET_ADMIN: run as root, or inside 'unshare --user --map-root-user --net'",
            Ebusy => "an interface of that name is in use",
            Einval => "there is an interface of that name, and it is no TAP with one queue",
            Emfile => "raise the limit of open files, 'ulimit -n'",
            _ => "is /dev/net/tun there ('modprobe tun')?",
        };
        var reason = new Win32Exception(errno);
        return new InvalidOperationException($"making the TAP interface {name} failed: {reason.Message}; {help}", reason);
    }
}
