using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>Puts a VLAN tag on a frame, and takes it off (IEEE 802.1Q).</summary>
internal static class VlanTags
{
    public const int Bytes = 4;

    private const int Addresses = 12;
    private const int VlanBits = 0xFFF;

    /// <summary>Writes the frame with a tag before all others, and returns its length.</summary>
    public static int Push(ReadOnlySpan<byte> frame, ushort tagControl, Span<byte> tagged)
    {
        frame[..Addresses].CopyTo(tagged);
        BinaryPrimitives.WriteUInt16BigEndian(tagged[Addresses..], EtherType.Vlan);
        BinaryPrimitives.WriteUInt16BigEndian(tagged[(Addresses + 2)..], tagControl);
        frame[Addresses..].CopyTo(tagged[(Addresses + Bytes)..]);
        return frame.Length + Bytes;
    }

    /// <summary>Writes the frame without its first tag, and returns its length.</summary>
    public static int Pop(ReadOnlySpan<byte> tagged, Span<byte> frame)
    {
        tagged[..Addresses].CopyTo(frame);
        tagged[(Addresses + Bytes)..].CopyTo(frame[Addresses..]);
        return tagged.Length - Bytes;
    }

    /// <summary>True if the frame's first tag names the VLAN.</summary>
    public static bool IsIn(ReadOnlySpan<byte> frame, ushort vlan) =>
        frame.Length >= Addresses + Bytes + 2
        && BinaryPrimitives.ReadUInt16BigEndian(frame[Addresses..]) == EtherType.Vlan
        && (BinaryPrimitives.ReadUInt16BigEndian(frame[(Addresses + 2)..]) & VlanBits) == vlan;
}
