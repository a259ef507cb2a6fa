using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>Which VLAN tags a frame has: what tells the sub-interfaces of a port apart.</summary>
/// <param name="Count">How many, 3 standing for more than two.</param>
/// <param name="OuterType">The first one's type.</param>
/// <param name="Outer">The first one's VLAN.</param>
/// <param name="Inner">The second one's VLAN.</param>
public readonly record struct VlanTags(int Count, ushort OuterType, int Outer, int Inner)
{
    private const int MaxCount = 3;

    private const int TypeBytes = 2;

    /// <summary>Reads the tags of a frame, which has a whole Ethernet header. A tag that no type follows is none.</summary>
    public static VlanTags Read(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<VlanTag> tags = MemoryMarshal.Cast<byte, VlanTag>(frame[VlanTag.Offset..^TypeBytes]);
        int count = 0;
        while (count < Math.Min(tags.Length, MaxCount) && VlanTag.IsTag(tags[count].Type))
        {
            count++;
        }

        return count == 0 ? default : new VlanTags(count, tags[0].Type, tags[0].Id, count > 1 ? tags[1].Id : 0);
    }
}

/// <summary>Takes VLAN tags out of frames and puts others in, by moving the two addresses; the rest of a frame stays where it is.</summary>
public static class VlanTagging
{
    /// <summary>Replaces the first <paramref name="pop"/> tags, which the caller knows to be there, by <paramref name="push"/>.</summary>
    public static unsafe void ReplaceTags(this BufferPool pool, BufferIndex frame, int pop, ReadOnlySpan<VlanTag> push)
    {
        byte* from = pool.PacketAddress(frame);
        pool.Advance(frame, (pop - push.Length) * VlanTag.Size);
        byte* to = pool.PacketAddress(frame);
        // The two places may overlap, so all is in registers before any is written. As a structure the compiler would copy it in pieces.
        ulong first = Unsafe.ReadUnaligned<ulong>(from);
        uint last = Unsafe.ReadUnaligned<uint>(from + sizeof(ulong));
        Unsafe.WriteUnaligned(to, first);
        Unsafe.WriteUnaligned(to + sizeof(ulong), last);
        push.CopyTo(new Span<VlanTag>(to + VlanTag.Offset, push.Length));
    }
}
