using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-frag: cuts a packet that is longer than its way allows into fragments (RFC 791, 3.2). Next: ip4-rewrite.</summary>
/// <remarks>The packet itself becomes the first fragment. Fragments go in a circle, hence <see cref="Connect"/>.</remarks>
internal sealed class Ip4FragNode(Dispatcher dispatcher) : InternalNode(dispatcher, "ip4-frag")
{
    private const int MaxHeaderBytes = 60;
    private readonly BufferIndex[] _rest = new BufferIndex[dispatcher.Buffers.Count]; // a small MTU and long options leave 8 bytes a fragment
    private InternalNode _rewrite = null!;

    public void Connect(InternalNode rewrite) => _rewrite = rewrite;

    protected override void Process(ReadOnlySpan<BufferIndex> frame)
    {
        foreach (BufferIndex packet in frame)
        {
            int headerBytes = Buffers.PacketHeader<Ip4Header>(packet).HeaderBytes;
            Adjacency adjacency = Dispatcher.Tables.Adjacencies[Buffers.Header(packet).Adjacency];
            if (Buffers.PacketBytes(packet) <= adjacency.Mtu)
            {
                _rewrite.Enqueue(packet); // the MTU was raised after ip4-rewrite had compared
                continue;
            }

            // Offsets count in units of 8 bytes. Each fragment has one buffer, the first one the packet's own, of which headers may
            // have taken some: shorter than allowed, if need be.
            int pieceBytes = (Math.Min(adjacency.Mtu, Buffers.Header(packet).Length) - headerBytes) & ~7;
            if (pieceBytes < 8)
            {
                Drop(packet, Reason.FragmentTooSmall);
                continue;
            }

            int payloadBytes = Buffers.PacketBytes(packet) - headerBytes;
            int wanted = ((payloadBytes + pieceBytes - 1) / pieceBytes) - 1;
            Span<BufferIndex> rest = _rest.AsSpan(0, Math.Min(wanted, _rest.Length));
            int taken = Buffers.Take(rest);
            if (taken < wanted)
            {
                Buffers.Return(rest[..taken]);
                Drop(packet, Reason.FragmentNoBuffer);
                continue;
            }

            Cut(packet, rest, headerBytes, pieceBytes);
        }
    }

    private void Cut(BufferIndex packet, ReadOnlySpan<BufferIndex> rest, int headerBytes, int pieceBytes)
    {
        ReadOnlySpan<byte> header = Buffers.Packet(packet)[..headerBytes];
        int packetBytes = Buffers.PacketBytes(packet);
        ushort flagsAndOffset = Buffers.PacketHeader<Ip4Header>(packet).FlagsAndFragmentOffset;
        for (int i = 0; i < rest.Length; i++)
        {
            int at = headerBytes + ((i + 1) * pieceBytes);
            bool last = i == rest.Length - 1;
            ushort more = last ? (ushort)(flagsAndOffset & Ip4Header.MoreFragments) : Ip4Header.MoreFragments;
            int offset = (flagsAndOffset & Ip4Header.FragmentOffsetMask) + ((i + 1) * pieceBytes / 8);
            Copy(packet, rest[i], header, at, Math.Min(pieceBytes, packetBytes - at), (ushort)(more | offset));
        }

        Buffers.Truncate(packet, headerBytes + pieceBytes);
        Finish(packet, (ushort)(flagsAndOffset | Ip4Header.MoreFragments));
        _rewrite.Enqueue(packet);
        _rewrite.Enqueue(rest);
        Count(Reason.PacketsFragmented);
        Count(Reason.FragmentsSent, (uint)rest.Length + 1);
    }

    private void Copy(
        BufferIndex original, BufferIndex fragment, ReadOnlySpan<byte> header, int payloadAt, int payloadBytes, ushort flagsAndOffset)
    {
        ref BufferHeader from = ref Buffers.Header(original);
        ref BufferHeader to = ref Buffers.Header(fragment);
        (to.Flags, to.RxInterface, to.Adjacency) = (from.Flags & ~(BufferFlags.HasNext | BufferFlags.Offloads), from.RxInterface, from.Adjacency);
        Span<byte> options = stackalloc byte[MaxHeaderBytes - Ip4Header.Size];
        options = options[..CopyOptions(header[Ip4Header.Size..], options)];

        int headerBytes = Ip4Header.Size + options.Length;
        to.Length = (ushort)(headerBytes + payloadBytes);
        Span<byte> packet = Buffers.Packet(fragment);
        header[..Ip4Header.Size].CopyTo(packet);
        options.CopyTo(packet[Ip4Header.Size..]);
        Buffers.CopyTo(original, payloadAt, packet[headerBytes..]);
        packet[0] = (byte)(0x40 | (headerBytes / 4));
        Finish(fragment, flagsAndOffset);
    }

    /// <summary>Copies the options that belong into every fragment (RFC 791, 3.1, "copied flag"), padded to whole words.</summary>
    private static int CopyOptions(ReadOnlySpan<byte> options, Span<byte> copied)
    {
        int length = 0;
        while (options.Length > 0 && options[0] != 0)
        {
            ReadOnlySpan<byte> option = options[..(options[0] == 1 ? 1 : options[1])]; // ip4-input has checked the lengths
            if ((option[0] & 0x80) != 0)
            {
                option.CopyTo(copied[length..]);
                length += option.Length;
            }

            options = options[option.Length..];
        }

        int padded = (length + 3) & ~3;
        copied[length..padded].Clear();
        return padded;
    }

    private void Finish(BufferIndex packet, ushort flagsAndOffset)
    {
        Span<byte> bytes = Buffers.Packet(packet);
        ref Ip4Header ip = ref MemoryMarshal.AsRef<Ip4Header>(bytes);
        ip.TotalLength = (ushort)bytes.Length;
        ip.FlagsAndFragmentOffset = flagsAndOffset;
        Originate.WriteChecksum(ref ip, bytes);
    }
}
