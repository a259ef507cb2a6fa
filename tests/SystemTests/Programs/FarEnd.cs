using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Verbena.Interop;

namespace Verbena.SystemTests.Programs;

/// <summary>A raw socket on an interface of another host: the far end of an emulated NIC's TAP wire.</summary>
internal sealed unsafe class FarEnd : IDisposable
{
    private const int AllProtocols = 3; // ETH_P_ALL
    private const int MaxFrameBytes = 65536;
    private const int QueueBytes = 16 << 20;
    private const int VlanTagBytes = 4;
    private const int VlanTagOffset = 12;
    private const int CLONE_NEWNET = 0x4000_0000;
    private const int PACKET_AUXDATA = 8;
    private const uint TP_STATUS_VLAN_VALID = 1 << 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly byte* _buffer = (byte*)NativeMemory.Alloc(MaxFrameBytes);
    private readonly int _socket;

    /// <param name="host">Where the interface is.</param>
    /// <param name="netdev">Its name.</param>
    public FarEnd(NetworkNamespace host, string netdev)
    {
        int made = -1;
        var visitor = new Thread(() => made = Open(host.ProcessId, netdev)); // the namespace is the thread's, which is used no more
        visitor.Start();
        visitor.Join();
        Assert.True(made >= 0, $"no packet socket on {netdev}: {Marshal.GetPInvokeErrorMessage(-made)}");
        _socket = made;
    }

    /// <summary>Sends frames, some at a time, and waits for as many as they are to come back. Returns those.</summary>
    /// <param name="frames">What to send.</param>
    /// <param name="atOnce">How many may be on their way.</param>
    public List<byte[]> Exchange(IReadOnlyList<byte[]> frames, int atOnce = 16)
    {
        var back = new List<byte[]>();
        for (int i = 0; i < frames.Count; i += atOnce)
        {
            int count = Math.Min(atOnce, frames.Count - i);
            for (int j = 0; j < count; j++)
            {
                Send(frames[i + j]);
            }

            back.AddRange(Receive(count));
        }

        return back;
    }

    public void Send(byte[] frame)
    {
        fixed (byte* start = frame)
        {
            nint sent = Libc.send(_socket, start, (nuint)frame.Length, 0);
            Assert.True(sent == frame.Length, $"sending {frame.Length} bytes: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Waits for frames. Fewer than asked for: the rest did not come.</summary>
    public List<byte[]> Receive(int count)
    {
        var frames = new List<byte[]>();
        var ready = new pollfd { fd = _socket, events = Libc.POLLIN };
        var patience = new timespec { tv_sec = (long)s_patience.TotalSeconds };
        while (frames.Count < count && Libc.ppoll(&ready, 1, &patience, null) > 0)
        {
            frames.Add(ReceiveOne());
        }

        return frames;
    }

    /// <summary>What has arrived and nobody asked for.</summary>
    public List<byte[]> ReceiveRest()
    {
        var frames = new List<byte[]>();
        var ready = new pollfd { fd = _socket, events = Libc.POLLIN };
        timespec now = default;
        while (Libc.ppoll(&ready, 1, &now, null) > 0)
        {
            frames.Add(ReceiveOne());
        }

        return frames;
    }

    public void Dispose()
    {
        _ = Libc.close(_socket);
        NativeMemory.Free(_buffer);
    }

    /// <summary>Linux takes a VLAN tag out of a frame and tells it beside; here it is put back.</summary>
    private byte[] ReceiveOne()
    {
        byte* control = stackalloc byte[128];
        var vector = new iovec { iov_base = _buffer, iov_len = MaxFrameBytes };
        var message = new msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 128 };
        nint length = Libc.recvmsg(_socket, &message, 0);
        Assert.True(length > 0, $"receiving: {Marshal.GetLastPInvokeErrorMessage()}");
        ReadOnlySpan<byte> frame = new(_buffer, (int)length);
        byte* auxiliary = control + sizeof(cmsghdr); // struct tpacket_auxdata
        bool isTagged = message.msg_controllen > (nuint)sizeof(cmsghdr) && (*(uint*)auxiliary & TP_STATUS_VLAN_VALID) != 0;
        return isTagged ? WithTag(frame, *(ushort*)(auxiliary + 18), *(ushort*)(auxiliary + 16)) : frame.ToArray();
    }

    private static byte[] WithTag(ReadOnlySpan<byte> frame, ushort protocol, ushort tag)
    {
        byte[] tagged = new byte[frame.Length + VlanTagBytes];
        frame[..VlanTagOffset].CopyTo(tagged);
        BinaryPrimitives.WriteUInt16BigEndian(tagged.AsSpan(VlanTagOffset), protocol);
        BinaryPrimitives.WriteUInt16BigEndian(tagged.AsSpan(VlanTagOffset + 2), tag);
        frame[VlanTagOffset..].CopyTo(tagged.AsSpan(VlanTagOffset + VlanTagBytes));
        return tagged;
    }

    /// <summary>The socket, or a negative errno.</summary>
    private static int Open(int process, string netdev)
    {
        using SafeFileHandle place = File.OpenHandle(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/net"));
        if (setns((int)place.DangerousGetHandle(), CLONE_NEWNET) != 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        int socket = Libc.socket(Sockets.AF_PACKET, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, 0);
        int on = 1;
        int queue = QueueBytes;
        var address = new sockaddr_ll
        {
            sll_family = Sockets.AF_PACKET,
            sll_protocol = AllProtocols,
            sll_ifindex = (int)Libc.if_nametoindex(netdev),
        };
        bool made = socket >= 0
            && Libc.setsockopt(socket, IfPacket.SOL_PACKET, IfPacket.PACKET_IGNORE_OUTGOING, &on, sizeof(int)) == 0
            && Libc.setsockopt(socket, IfPacket.SOL_PACKET, PACKET_AUXDATA, &on, sizeof(int)) == 0
            && Libc.bind(socket, &address, (uint)sizeof(sockaddr_ll)) == 0;
        _ = Libc.setsockopt(socket, Sockets.SOL_SOCKET, Sockets.SO_RCVBUFFORCE, &queue, sizeof(int));
        return made ? socket : -Marshal.GetLastPInvokeError();
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int setns(int fd, int nstype);
}
