using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>The VLAN tags that the kernel has taken out of packets before a packet socket sees them: it tells them beside.</summary>
/// <remarks>The tag is put back where it was, by moving what is in front of it into room that the reader leaves.</remarks>
internal sealed unsafe class ReceivedTags(int count) : IDisposable
{
    /// <summary>How much room there must be in front of what is received, in bytes.</summary>
    public const int RoomBytes = VlanTag.Size;

    private static readonly int s_controlBytes = sizeof(cmsghdr) + (sizeof(tpacket_auxdata) + 7 & ~7); // CMSG_SPACE

    private readonly byte* _control = (byte*)NativeMemory.AllocZeroed((nuint)count, (nuint)s_controlBytes);

    /// <summary>Asks for what the kernel knows about the message <paramref name="index"/>. Before each receiving.</summary>
    public void Ask(int index, ref mmsghdr message)
    {
        message.msg_control = _control + (index * s_controlBytes);
        message.msg_controllen = (nuint)s_controlBytes;
    }

    /// <summary>Puts the tag of a received message back. Returns how many bytes further to the front the message begins now.</summary>
    /// <param name="message">What the kernel has filled in.</param>
    /// <param name="packet">Where the message was received.</param>
    public static int PutBack(in mmsghdr message, byte* packet)
    {
        int inFront = sizeof(virtio_net_hdr) + VlanTag.Offset;
        if (message.msg_controllen < (nuint)s_controlBytes || message.msg_len < inFront + sizeof(ushort))
        {
            return 0;
        }

        var told = *(tpacket_auxdata*)((byte*)message.msg_control + sizeof(cmsghdr));
        if ((told.tp_status & IfPacket.TP_STATUS_VLAN_VALID) == 0)
        {
            return 0;
        }

        bool hasType = (told.tp_status & IfPacket.TP_STATUS_VLAN_TPID_VALID) != 0;
        new Span<byte>(packet, inFront).CopyTo(new Span<byte>(packet - RoomBytes, inFront));
        *(Be16*)(packet - RoomBytes + inFront) = hasType ? told.tp_vlan_tpid : EtherType.Vlan;
        *(Be16*)(packet - RoomBytes + inFront + sizeof(Be16)) = told.tp_vlan_tci;
        var header = (virtio_net_hdr*)(packet - RoomBytes);
        header->csum_start += (header->flags & VirtioNet.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 ? (ushort)VlanTag.Size : (ushort)0;
        return RoomBytes;
    }

    public void Dispose() => NativeMemory.Free(_control);
}
