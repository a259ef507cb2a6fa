using System.Buffers.Binary;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a receive queue changes in frames before it writes them: it takes the VLAN tag out, and leaves the FCS on.</summary>
internal sealed class ReceivedForm
{
    private readonly byte[] _copy = new byte[FrameBatch.MaxFrameBytes + FrameCheckSequence.Bytes];

    /// <summary>The outer tag, of EtherType 0x8100, goes to the completion instead.</summary>
    public bool StripsVlan { get; set; }

    public bool KeepsFcs { get; init; }

    /// <summary>The frame as it is to be written. It is overwritten by the next one.</summary>
    /// <param name="frame">The frame as it came, without FCS.</param>
    /// <param name="tag">The tag control information that was taken out.</param>
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> frame, out ushort? tag)
    {
        tag = null;
        bool isTagged = frame.Length >= EthernetHeader.Size + VlanTag.Size && BinaryPrimitives.ReadUInt16BigEndian(frame[VlanTag.Offset..]) == EtherType.Vlan;
        int length = 0;
        ReadOnlySpan<byte> rest = frame;
        if (StripsVlan && isTagged)
        {
            tag = BinaryPrimitives.ReadUInt16BigEndian(frame[(VlanTag.Offset + 2)..]);
            frame[..VlanTag.Offset].CopyTo(_copy);
            length = VlanTag.Offset;
            rest = frame[(VlanTag.Offset + VlanTag.Size)..];
        }

        rest.CopyTo(_copy.AsSpan(length));
        length += rest.Length;
        if (KeepsFcs)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_copy.AsSpan(length), FrameCheckSequence.Compute(frame));
            length += FrameCheckSequence.Bytes;
        }

        return _copy.AsSpan(0, length);
    }
}
