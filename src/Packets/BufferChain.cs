using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Verbena.Packets;

/// <summary>Packets that may be longer than a buffer and go on in others (<see cref="BufferFlags.HasNext"/>): what concerns them as a whole.</summary>
/// <remarks>All but the last buffer of a chain from a NIC are full, so headers lie in the first.</remarks>
public static class BufferChain
{
    /// <summary>The whole packet's length in bytes, from its begin on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PacketBytes(this BufferPool pool, BufferIndex packet)
    {
        ref BufferHeader header = ref pool.Header(packet);
        return header.Length + ((header.Flags & BufferFlags.HasNext) != BufferFlags.None ? (int)header.ChainedBytes : 0);
    }

    /// <summary>Goes on to the packet's next buffer; false if <paramref name="buffer"/> is its last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MoveNext(this BufferPool pool, ref BufferIndex buffer)
    {
        ref BufferHeader header = ref pool.Header(buffer);
        bool hasNext = (header.Flags & BufferFlags.HasNext) != BufferFlags.None;
        buffer = hasNext ? new BufferIndex(header.NextBuffer) : buffer;
        return hasNext;
    }

    /// <summary>Returns all buffers of each packet. The caller must hold them and must not use them any more.</summary>
    public static void ReturnPackets(this BufferPool pool, ReadOnlySpan<BufferIndex> packets)
    {
        foreach (BufferIndex packet in packets)
        {
            pool.ReturnRest(packet);
        }

        pool.Return(packets);
    }

    /// <summary>Shortens a packet to <paramref name="bytes"/>, at most its length, and returns the buffers that it no longer needs.</summary>
    public static void Truncate(this BufferPool pool, BufferIndex packet, int bytes)
    {
        ref BufferHeader first = ref pool.Header(packet);
        if (bytes <= first.Length)
        {
            pool.ReturnRest(packet);
            first.Length = (ushort)bytes;
            return;
        }

        first.ChainedBytes = (uint)(bytes - first.Length);
        int left = bytes;
        for (BufferIndex buffer = packet; ; buffer = new BufferIndex(pool.Header(buffer).NextBuffer))
        {
            ref BufferHeader header = ref pool.Header(buffer);
            if (left <= header.Length)
            {
                pool.ReturnRest(buffer);
                header.Length = (ushort)left;
                return;
            }

            left -= header.Length;
        }
    }

    /// <summary>Copies the packet's bytes from <paramref name="offset"/> on. There must be as many.</summary>
    public static void CopyTo(this BufferPool pool, BufferIndex packet, int offset, Span<byte> destination)
    {
        for (BufferIndex buffer = packet; destination.Length > 0; buffer = new BufferIndex(pool.Header(buffer).NextBuffer))
        {
            Span<byte> here = pool.Packet(buffer);
            if (offset < here.Length)
            {
                here = here[offset..];
                here = here[..Math.Min(here.Length, destination.Length)];
                here.CopyTo(destination);
                destination = destination[here.Length..];
            }

            offset = Math.Max(offset - pool.Header(buffer).Length, 0);
        }
    }

    /// <summary>True if the packet's bytes from <paramref name="offset"/> on, which lies in its first buffer, sum to all ones (RFC 1071).</summary>
    public static bool IsChecksumValid(this BufferPool pool, BufferIndex packet, int offset)
    {
        ushort sum = Checksum.Fold(Checksum.Sum(pool.Packet(packet)[offset..]));
        bool odd = ((pool.Header(packet).Length - offset) & 1) != 0;
        while (pool.MoveNext(ref packet))
        {
            ushort part = Checksum.Fold(Checksum.Sum(pool.Packet(packet)));
            sum = Checksum.Fold((ulong)sum + (odd ? BinaryPrimitives.ReverseEndianness(part) : part));
            odd ^= (pool.Header(packet).Length & 1) != 0;
        }

        return sum == 0xFFFF;
    }

    /// <summary>Copies another packet's bytes from <paramref name="offset"/> on to a packet's end, into its last buffer and as many more as are needed.</summary>
    /// <returns>False if the pool had too few buffers; the packet is longer by what found room.</returns>
    public static bool TryAppend(this BufferPool pool, BufferIndex packet, BufferIndex other, int offset)
    {
        BufferIndex last = packet;
        while (pool.MoveNext(ref last))
        {
        }

        for (int left = pool.PacketBytes(other) - offset; left > 0;)
        {
            int length = Math.Min(left, pool.TailBytes(last));
            if (length == 0 && !pool.TryLink(packet, ref last))
            {
                return false;
            }

            pool.Header(last).Length += (ushort)length;
            pool.Header(packet).ChainedBytes += last == packet ? 0 : (uint)length;
            pool.CopyTo(other, offset, pool.Packet(last)[^length..]);
            (offset, left) = (offset + length, left - length);
        }

        return true;
    }

    /// <summary>Copies a packet, with all its buffers and what their headers say.</summary>
    /// <returns>False if the pool had too few buffers; none is taken then.</returns>
    public static bool TryCopy(this BufferPool pool, BufferIndex packet, out BufferIndex copy)
    {
        if (!pool.TryTake(out copy))
        {
            return false;
        }

        pool.CopyBuffer(packet, copy);
        BufferIndex last = copy;
        while (pool.MoveNext(ref packet))
        {
            if (!pool.TryTake(out BufferIndex next))
            {
                pool.ReturnPackets([copy]);
                return false;
            }

            pool.CopyBuffer(packet, next);
            pool.Header(last).NextBuffer = next.Value;
            pool.Header(last).Flags |= BufferFlags.HasNext;
            last = next;
        }

        return true;
    }

    /// <summary>How many bytes more a buffer can hold behind its packet.</summary>
    private static int TailBytes(this BufferPool pool, BufferIndex buffer) =>
        BufferPool.HeadroomBytes + BufferPool.DataBytes - pool.Header(buffer).DataOffset - pool.Header(buffer).Length;

    /// <summary>Makes an empty buffer the last of a packet; false if there is none.</summary>
    private static bool TryLink(this BufferPool pool, BufferIndex packet, ref BufferIndex last)
    {
        if (!pool.TryTake(out BufferIndex next))
        {
            return false;
        }

        pool.Header(packet).ChainedBytes = last == packet ? 0 : pool.Header(packet).ChainedBytes; // what it was before the packet was cut to one buffer
        pool.Header(last).NextBuffer = next.Value;
        pool.Header(last).Flags |= BufferFlags.HasNext;
        last = next;
        return true;
    }

    /// <summary>Copies one buffer, which is then the last of its packet.</summary>
    private static void CopyBuffer(this BufferPool pool, BufferIndex from, BufferIndex to)
    {
        pool.Header(to) = pool.Header(from);
        pool.Header(to).Flags &= ~BufferFlags.HasNext;
        pool.Packet(from).CopyTo(pool.Packet(to));
    }

    /// <summary>Makes a buffer the last of its packet, and returns those behind it.</summary>
    private static void ReturnRest(this BufferPool pool, BufferIndex last)
    {
        BufferIndex next = last;
        bool isThere = pool.MoveNext(ref next);
        if (isThere)
        {
            pool.Header(last).Flags &= ~BufferFlags.HasNext;
        }

        while (isThere)
        {
            BufferIndex returned = next;
            isThere = pool.MoveNext(ref next); // first: what is returned is somebody else's
            pool.Return(returned);
        }
    }
}
