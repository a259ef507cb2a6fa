using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>An existing interface as the far end, by a packet socket: what comes in there arrives at the port.</summary>
/// <remarks>
/// A veth peer leaves checksums and segmentation to hardware that it thinks is there. Checksums are completed here.
/// What is not segmented is lost, once with a line in the log that names the cure.
/// </remarks>
internal sealed unsafe partial class InterfaceWire : Wire
{
    private const int Batch = FrameBatch.Capacity;
    private const int BufferBytes = FrameBatch.MaxFrameBytes + 64;
    private const int AllProtocols = 3; // ETH_P_ALL

    private readonly string _name;
    private readonly ILogger _logger;
    private readonly InterfaceRequests _requests;
    private readonly int _socket;
    private readonly byte* _buffers = (byte*)NativeMemory.AlignedAlloc(Batch * BufferBytes, 64);
    private readonly mmsghdr* _messages = (mmsghdr*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(mmsghdr));
    private readonly iovec* _vectors = (iovec*)NativeMemory.AllocZeroed(Batch * 2, (nuint)sizeof(iovec));
    private bool _isUp;
    private bool _saidLarge;

    /// <exception cref="InvalidOperationException">There is no such interface, or no right to use it.</exception>
    public InterfaceWire(string name, ILogger logger)
    {
        _name = name;
        _logger = logger;
        _requests = new InterfaceRequests(name);
        uint index = Libc.if_nametoindex(name);
        InterfaceRequests.Check(index == 0 ? -1 : 0, $"wire=if:{name}: finding the interface (see 'ip link')");
        _socket = Libc.socket(Sockets.AF_PACKET, Sockets.SOCK_RAW | Sockets.SOCK_NONBLOCK | Sockets.SOCK_CLOEXEC, 0);
        InterfaceRequests.Check(_socket, $"wire=if:{name}: opening a packet socket (it needs CAP_NET_RAW)");
        try
        {
            Configure((int)index);
        }
        catch (InvalidOperationException)
        {
            Dispose();
            throw;
        }

        Refresh();
    }

    /// <summary>Frames that were too long because the far end had left segmentation to hardware.</summary>
    public ulong TooLarge { get; private set; }

    public override bool HasCarrier => _isUp;

    public override int PollDescriptor => _socket;

    public override void Receive(FrameBatch frames)
    {
        int room = Batch - frames.Count;
        for (int i = 0; i < room; i++)
        {
            Prepare(i, _buffers + (i * BufferBytes), BufferBytes, single: true);
        }

        int count = Libc.recvmmsg(_socket, _messages, (uint)room, Sockets.MSG_DONTWAIT, null);
        for (int i = 0; i < count; i++)
        {
            Take(frames, _buffers + (i * BufferBytes), (int)_messages[i].msg_len);
        }
    }

    public override int Send(FrameBatch frames)
    {
        virtio_net_hdr plain = default;
        for (int i = 0; i < frames.Count; i++)
        {
            fixed (byte* frame = frames[i])
            {
                Prepare(i, frame, (nuint)frames[i].Length, single: false);
                _vectors[i * 2] = new iovec { iov_base = &plain, iov_len = (nuint)sizeof(virtio_net_hdr) };
            }
        }

        int sent = Libc.sendmmsg(_socket, _messages, (uint)frames.Count, Sockets.MSG_DONTWAIT);
        return Math.Max(sent, 0);
    }

    public override void Refresh()
    {
        const short Wanted = IfFlags.IFF_UP | IfFlags.IFF_RUNNING;
        _isUp = (_requests.Flags & Wanted) == Wanted;
    }

    protected override void Dispose(bool disposing)
    {
        _requests.Dispose();
        _ = Libc.close(_socket);
        NativeMemory.AlignedFree(_buffers);
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        base.Dispose(disposing);
    }

    private void Configure(int index)
    {
        int on = 1;
        packet_mreq promiscuous = new() { mr_ifindex = index, mr_type = IfPacket.PACKET_MR_PROMISC };
        SetOption(IfPacket.PACKET_VNET_HDR, &on, sizeof(int));
        SetOption(IfPacket.PACKET_IGNORE_OUTGOING, &on, sizeof(int));
        SetOption(IfPacket.PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(packet_mreq));
        sockaddr_ll address = new() { sll_family = Sockets.AF_PACKET, sll_protocol = AllProtocols, sll_ifindex = index };
        InterfaceRequests.Check(Libc.bind(_socket, &address, (uint)sizeof(sockaddr_ll)), $"wire=if:{_name}: binding the packet socket");
    }

    private void SetOption(int option, void* value, int bytes) =>
        InterfaceRequests.Check(Libc.setsockopt(_socket, IfPacket.SOL_PACKET, option, value, (uint)bytes), $"wire=if:{_name}: packet socket option {option}");

    /// <summary>Points a message at one buffer, for sending behind a virtio header.</summary>
    private void Prepare(int index, byte* buffer, nuint length, bool single)
    {
        iovec* vectors = _vectors + (index * 2);
        vectors[single ? 0 : 1] = new iovec { iov_base = buffer, iov_len = length };
        _messages[index].msg_iov = vectors;
        _messages[index].msg_iovlen = single ? 1u : 2u;
    }

    private void Take(FrameBatch frames, byte* message, int length)
    {
        var header = *(virtio_net_hdr*)message;
        var frame = new Span<byte>(message + sizeof(virtio_net_hdr), Math.Max(0, length - sizeof(virtio_net_hdr)));
        if (frame.Length < EthernetHeader.Size)
        {
            return;
        }

        if (header.gso_type != VirtioNet.VIRTIO_NET_HDR_GSO_NONE || frame.Length > FrameBatch.MaxFrameBytes)
        {
            CountLarge();
            return;
        }

        if ((header.flags & VirtioNet.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 && header.csum_start < frame.Length)
        {
            ChecksumOffload.Complete(frame, header.csum_start, header.csum_start + header.csum_offset);
        }

        frames.Add(frame);
    }

    private void CountLarge()
    {
        TooLarge++;
        if (!_saidLarge)
        {
            _saidLarge = true;
            LogLarge(_logger, _name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "wire=if:{Name}: the far end sends frames to be segmented by hardware, which are lost; say: ethtool -K <far end> tso off gso off")]
    private static partial void LogLarge(ILogger logger, string name);
}
