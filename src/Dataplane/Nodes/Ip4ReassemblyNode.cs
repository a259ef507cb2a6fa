using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>
/// ip4-local-full-reassembly: keeps fragments of packets for this router until it can make one packet of them (RFC 791, 3.2;
/// RFC 1122, 3.3.2). Next: ip4-local, which gives it the fragments, hence <see cref="Connect"/>; ip4-icmp-error.
/// </summary>
/// <remarks>
/// Where fragments overlap, nobody can tell which is right: all are dropped, as RFC 5722 has it for IPv6 and Linux for IPv4. Fragments
/// that never become whole must not take what others need, so datagrams and buffers are few, and the oldest makes way. Each worker has
/// its own: of a datagram whose fragments come by queues of several workers none makes a whole.
/// </remarks>
internal sealed class Ip4ReassemblyNode : InternalNode
{
    /// <summary>Datagrams of which fragments can be kept at a time.</summary>
    public const int MaxDatagrams = 64;

    /// <summary>The least that RFC 1122, 3.3.2 recommends.</summary>
    public const long TimeoutNanoseconds = 60_000_000_000;

    private const int MaxBuffers = 512;
    private const int PoolPart = 16; // and of a small pool all workers together no more than one buffer in so many

    private readonly InternalNode _icmpError;
    private readonly int _maxBuffers;
    private readonly FragmentedDatagram[] _datagrams = [.. Enumerable.Range(0, MaxDatagrams).Select(_ => new FragmentedDatagram())]; // the oldest first, the unused last
    private int _count;
    private InternalNode _local = null!;

    public Ip4ReassemblyNode(Dispatcher dispatcher, int workers, InternalNode icmpError)
        : base(dispatcher, "ip4-local-full-reassembly")
    {
        _icmpError = icmpError;
        _maxBuffers = Math.Min(MaxBuffers, Buffers.Count / PoolPart / workers);
    }

    /// <summary>Buffers of the fragments that are kept now.</summary>
    public int HeldCount { get; private set; }

    public void Connect(InternalNode local) => _local = local;

    /// <summary>Gives up what is too old, and returns how many fragments that were.</summary>
    public int Expire()
    {
        int expired = 0;
        while (_count > 0 && Dispatcher.Now >= _datagrams[0].Deadline)
        {
            expired += _datagrams[0].Fragments.Length;
            Expire(_datagrams[0].Fragments);
            Forget(0);
        }

        return expired;
    }

    /// <summary>Drops datagrams of which fragments came by an interface. While the worker is parked; the caller runs the drop node.</summary>
    public void ForgetInterface(int index)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            foreach (Fragment fragment in _datagrams[i].Fragments)
            {
                if (Buffers.Header(fragment.Packet).RxInterface == index)
                {
                    DropDatagram(i, Reason.InterfaceDeleted);
                    break;
                }
            }
        }
    }

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            Fragment fragment = Read(packet);
            bool isMalformed = fragment.Start == fragment.End || (!fragment.IsLast && fragment.End % 8 != 0);
            if (isMalformed)
            {
                Drop(packet, Reason.ReassemblyMalformed);
            }
            else
            {
                Add(in fragment, FindOrBegin(KeyOf(packet)));
            }
        }
    }

    private Fragment Read(BufferIndex packet)
    {
        ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
        int start = (ip.FlagsAndFragmentOffset & Ip4Header.FragmentOffsetMask) * 8;
        bool isLast = (ip.FlagsAndFragmentOffset & Ip4Header.MoreFragments) == 0;
        int buffers = 1;
        for (BufferIndex buffer = packet; Buffers.MoveNext(ref buffer);)
        {
            buffers++;
        }

        return new Fragment(packet, start, start + Buffers.PacketBytes(packet) - ip.HeaderBytes, isLast, buffers);
    }

    private DatagramKey KeyOf(BufferIndex packet)
    {
        ref Ip4Header ip = ref Buffers.PacketHeader<Ip4Header>(packet);
        return new DatagramKey(ip.Source, ip.Destination, ip.Identification, ip.Protocol);
    }

    private int FindOrBegin(DatagramKey key)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_datagrams[i].Key == key)
            {
                return i;
            }
        }

        if (_count == MaxDatagrams)
        {
            DropDatagram(0, Reason.ReassemblyLimit);
        }

        _datagrams[_count].Begin(key, Dispatcher.Now + TimeoutNanoseconds);
        return _count++;
    }

    private void Add(in Fragment fragment, int at)
    {
        if (_datagrams[at].TryAdd(in fragment) is { } refusal)
        {
            Drop(fragment.Packet, refusal);
            if (refusal != Reason.ReassemblyDuplicate)
            {
                DropDatagram(at, refusal);
            }

            return;
        }

        HeldCount += fragment.Buffers;
        if (_datagrams[at].IsComplete)
        {
            Finish(at);
        }

        while (HeldCount > _maxBuffers)
        {
            DropDatagram(0, Reason.ReassemblyLimit);
        }
    }

    private void Finish(int at)
    {
        ReadOnlySpan<Fragment> fragments = _datagrams[at].Fragments;
        BufferIndex packet = fragments[0].Packet;
        if (Buffers.PacketHeader<Ip4Header>(packet).HeaderBytes + fragments[^1].End > ushort.MaxValue)
        {
            DropDatagram(at, Reason.ReassemblyMalformed);
        }
        else if (!TryJoin(packet, fragments[1..]))
        {
            DropDatagram(at, Reason.ReassemblyNoBuffer);
        }
        else
        {
            Count(Reason.PacketsReassembled);
            Count(Reason.FragmentsReassembled, (uint)fragments.Length);
            Forget(at);
            _local.Enqueue(packet);
        }
    }

    /// <summary>Copies the payloads behind the first: then all buffers but the last are full, as other nodes expect them, however short the fragments.</summary>
    private bool TryJoin(BufferIndex packet, ReadOnlySpan<Fragment> rest)
    {
        foreach (Fragment fragment in rest)
        {
            if (!Buffers.TryAppend(packet, fragment.Packet, Buffers.PacketHeader<Ip4Header>(fragment.Packet).HeaderBytes))
            {
                return false;
            }
        }

        foreach (Fragment fragment in rest)
        {
            Buffers.ReturnPackets([fragment.Packet]);
        }

        Span<byte> bytes = Buffers.Packet(packet);
        ref Ip4Header ip = ref MemoryMarshal.AsRef<Ip4Header>(bytes);
        ip.TotalLength = (ushort)Buffers.PacketBytes(packet);
        ip.FlagsAndFragmentOffset = 0;
        Originate.WriteChecksum(ref ip, bytes);
        return true;
    }

    // RFC 1122, 3.3.2: the sender is told if the first fragment is there.
    private void Expire(ReadOnlySpan<Fragment> fragments)
    {
        foreach (Fragment fragment in fragments)
        {
            if (fragment.Start == 0)
            {
                Reject(fragment.Packet, Reason.ReassemblyTimeout, IcmpError.ReassemblyTimeExceeded, _icmpError);
            }
            else
            {
                Drop(fragment.Packet, Reason.ReassemblyTimeout);
            }
        }
    }

    private void DropDatagram(int at, Reason reason)
    {
        foreach (Fragment fragment in _datagrams[at].Fragments)
        {
            Drop(fragment.Packet, reason);
        }

        Forget(at);
    }

    /// <summary>Makes the place free. The fragments belong to others now.</summary>
    private void Forget(int at)
    {
        FragmentedDatagram forgotten = _datagrams[at];
        foreach (Fragment fragment in forgotten.Fragments)
        {
            HeldCount -= fragment.Buffers;
        }

        _count--;
        Array.Copy(_datagrams, at + 1, _datagrams, at, _count - at);
        _datagrams[_count] = forgotten;
    }
}
