using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Emulator.Eswitch;

/// <summary>The tag of the VLAN that the host has put a function in (virtual switch tagging): put on a frame, and taken off.</summary>
internal static class VstTag
{
    private const int VlanBits = 0xFFF;

    /// <summary>Writes the frame with a tag before all others, and returns its length.</summary>
    public static int Push(ReadOnlySpan<byte> frame, ushort tagControl, Span<byte> tagged)
    {
        frame[..VlanTag.Offset].CopyTo(tagged);
        BinaryPrimitives.WriteUInt16BigEndian(tagged[VlanTag.Offset..], EtherType.Vlan);
        BinaryPrimitives.WriteUInt16BigEndian(tagged[(VlanTag.Offset + 2)..], tagControl);
        frame[VlanTag.Offset..].CopyTo(tagged[(VlanTag.Offset + VlanTag.Size)..]);
        return frame.Length + VlanTag.Size;
    }

    /// <summary>Writes the frame without its first tag, and returns its length.</summary>
    public static int Pop(ReadOnlySpan<byte> tagged, Span<byte> frame)
    {
        tagged[..VlanTag.Offset].CopyTo(frame);
        tagged[(VlanTag.Offset + VlanTag.Size)..].CopyTo(frame[VlanTag.Offset..]);
        return tagged.Length - VlanTag.Size;
    }

    /// <summary>True if the frame's first tag names the VLAN.</summary>
    public static bool IsIn(ReadOnlySpan<byte> frame, ushort vlan) =>
        frame.Length >= VlanTag.Offset + VlanTag.Size + 2
        && BinaryPrimitives.ReadUInt16BigEndian(frame[VlanTag.Offset..]) == EtherType.Vlan
        && (BinaryPrimitives.ReadUInt16BigEndian(frame[(VlanTag.Offset + 2)..]) & VlanBits) == vlan;
}
