using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>An existing interface as the far end, by a packet socket: what comes in there arrives at the port.</summary>
/// <remarks>
/// A veth peer leaves checksums and TCP segmentation to hardware that it thinks is there; both are done here. A VLAN tag that the
/// kernel keeps beside the packet is put back into it.
/// </remarks>
internal sealed unsafe class InterfaceWire : Wire
{
    private const int Batch = FrameBatch.Capacity;
    private const int BufferBytes = (64 * 1024) + 128; // the longest packet that is left to be segmented, with its headers
    private const int QueueBytes = 16 << 20;
    private const int AllProtocols = 3; // ETH_P_ALL

    private readonly string _name;
    private readonly InterfaceRequests _requests;
    private readonly int _socket;
    private readonly byte* _buffers = (byte*)NativeMemory.AlignedAlloc(Batch * BufferBytes, 64);
    private readonly MessageBatch _received = new(Batch); // two, for frames are sent while part of what was received still waits
    private readonly MessageBatch _sent = new(Batch);
    private readonly ReceivedTags _tags = new(Batch);
    private readonly int[] _tagBytes = new int[Batch]; // how much longer each message is with its tag
    private ulong _receiveErrors;
    private int _messageCount;
    private int _message;
    private int _segment;
    private bool _isUp;

    /// <exception cref="InvalidOperationException">There is no such interface, or no right to use it.</exception>
    public InterfaceWire(string name)
    {
        _name = name;
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

    public override bool HasCarrier => _isUp;

    public override int PollDescriptor => _socket;

    public override ulong ReceiveErrors => _receiveErrors;

    public override void Receive(FrameBatch frames)
    {
        if (_message == _messageCount)
        {
            ReceiveMessages();
        }

        while (_message < _messageCount && frames.HasRoom)
        {
            _message += Take(frames, _message) ? 1 : 0;
        }
    }

    public override int Send(FrameBatch frames)
    {
        virtio_net_hdr plain = default;
        PointTo(frames, &plain);
        int sent = 0;
        int end = frames.Count;
        while (sent < end)
        {
            int taken = Libc.sendmmsg(_socket, _sent.Messages + sent, (uint)(end - sent), Sockets.MSG_DONTWAIT);
            if (taken > 0)
            {
                sent += taken;
            }
            else if (Marshal.GetLastPInvokeError() == (int)Errno.EMSGSIZE)
            {
                frames.PutLast(sent); // longer than the interface takes; those behind it are not lost with it
                end--;
                PointTo(frames, &plain);
            }
            else
            {
                break;
            }
        }

        return sent;
    }

    public override void Refresh()
    {
        const short Wanted = IfFlags.IFF_UP | IfFlags.IFF_RUNNING;
        _isUp = (_requests.Flags & Wanted) == Wanted;
        tpacket_stats since = default; // reading them sets them to zero
        uint bytes = (uint)sizeof(tpacket_stats);
        _ = Libc.getsockopt(_socket, IfPacket.SOL_PACKET, IfPacket.PACKET_STATISTICS, &since, &bytes);
        _receiveErrors += since.tp_drops;
    }

    protected override void Dispose(bool disposing)
    {
        _requests.Dispose();
        _ = Libc.close(_socket);
        NativeMemory.AlignedFree(_buffers);
        _received.Dispose();
        _sent.Dispose();
        _tags.Dispose();
        base.Dispose(disposing);
    }

    private void Configure(int index)
    {
        int on = 1;
        packet_mreq promiscuous = new() { mr_ifindex = index, mr_type = IfPacket.PACKET_MR_PROMISC };
        SetOption(IfPacket.PACKET_VNET_HDR, &on, sizeof(int));
        SetOption(IfPacket.PACKET_AUXDATA, &on, sizeof(int));
        int queue = QueueBytes;
        _ = Libc.setsockopt(_socket, Sockets.SOL_SOCKET, Sockets.SO_RCVBUFFORCE, &queue, sizeof(int)); // an ordinary user's stays short
        SetOption(IfPacket.PACKET_IGNORE_OUTGOING, &on, sizeof(int));
        SetOption(IfPacket.PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(packet_mreq));
        sockaddr_ll address = new() { sll_family = Sockets.AF_PACKET, sll_protocol = AllProtocols, sll_ifindex = index };
        InterfaceRequests.Check(Libc.bind(_socket, &address, (uint)sizeof(sockaddr_ll)), $"wire=if:{_name}: binding the packet socket");
    }

    private void SetOption(int option, void* value, int bytes) =>
        InterfaceRequests.Check(Libc.setsockopt(_socket, IfPacket.SOL_PACKET, option, value, (uint)bytes), $"wire=if:{_name}: packet socket option {option}");

    private void PointTo(FrameBatch frames, virtio_net_hdr* header)
    {
        for (int i = 0; i < frames.Count; i++)
        {
            fixed (byte* frame = frames[i])
            {
                _sent.Point(i, header, (nuint)sizeof(virtio_net_hdr), frame, (nuint)frames[i].Length);
            }
        }
    }

    private void ReceiveMessages()
    {
        for (int i = 0; i < Batch; i++)
        {
            _received.Point(i, ReceiveAddress(i), BufferBytes - ReceivedTags.RoomBytes, null, 0);
            _tags.Ask(i, ref _received.Messages[i]);
        }

        int count = Libc.recvmmsg(_socket, _received.Messages, Batch, Sockets.MSG_DONTWAIT, null);
        (_message, _messageCount) = (0, Math.Max(count, 0));
        for (int i = 0; i < _messageCount; i++)
        {
            _tagBytes[i] = ReceivedTags.PutBack(in _received.Messages[i], ReceiveAddress(i));
        }

        if (count < 0 && Marshal.GetLastPInvokeError() == (int)Errno.EINVAL)
        {
            _receiveErrors++; // left to hardware in a way that virtio has no word for; the kernel has dropped it
        }
    }

    private byte* ReceiveAddress(int message) => _buffers + (message * BufferBytes) + ReceivedTags.RoomBytes;

    /// <summary>Appends what a message holds; false if the batch has no room for the rest of its segments.</summary>
    private bool Take(FrameBatch frames, int index)
    {
        byte* message = ReceiveAddress(index) - _tagBytes[index];
        int length = _received.LengthOf(index) + _tagBytes[index];
        var header = *(virtio_net_hdr*)message;
        var frame = new Span<byte>(message + sizeof(virtio_net_hdr), Math.Max(0, length - sizeof(virtio_net_hdr)));
        if (SuperFrame.TryParse(frame, header, out SuperFrame large))
        {
            return TakeSegments(frames, large);
        }

        if (header.gso_type != VirtioNet.VIRTIO_NET_HDR_GSO_NONE || frame.Length is < EthernetHeader.Size or > FrameBatch.MaxFrameBytes)
        {
            _receiveErrors++;
            return true;
        }

        if ((header.flags & VirtioNet.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0)
        {
            ChecksumOffload.Complete(frame, header.csum_start, header.csum_start + header.csum_offset);
        }

        frame.CopyTo(frames.Reserve());
        frames.CommitPadded(frame.Length);
        return true;
    }

    private bool TakeSegments(FrameBatch frames, SuperFrame large)
    {
        while (_segment < large.Count && frames.HasRoom)
        {
            frames.CommitPadded(large.Write(_segment++, frames.Reserve()));
        }

        bool whole = _segment == large.Count;
        _segment = whole ? 0 : _segment;
        return whole;
    }
}
