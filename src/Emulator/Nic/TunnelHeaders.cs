using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using Verbena.Packets;
using static Verbena.Emulator.Nic.MatchParameters;

namespace Verbena.Emulator.Nic;

/// <summary>What the NIC's parser finds beyond a frame's outer headers: tunnels and what is in them, second VLAN tags, flow labels.</summary>
internal static class TunnelHeaders
{
    public const ushort VxlanPort = 4789;  // RFC 7348, 8
    public const ushort GenevePort = 6081; // RFC 8926, 3.3
    public const byte Gre = 47;
    public const ushort Bridging = 0x6558; // Ethernet inside GRE (RFC 7637) or GENEVE
    public const int UdpBytes = 8;
    public const int TunnelBytes = 8;      // VXLAN's and GENEVE's header

    /// <summary>Reads all fields that flows can compare.</summary>
    public static MatchFields Fields(ReadOnlySpan<byte> frame, scoped in FrameInfo info)
    {
        Span<byte> misc = stackalloc byte[SectionBytes];
        misc.Clear();
        MatchFields fields = new() { Outer = info.Headers };
        ReadSecondVlan(frame, misc, OuterSecondVlan, OuterSecondCvlanTag, OuterSecondSvlanTag);
        ReadFlowLabel(frame, in info.Layout, misc[OuterFlowLabel..]);
        ReadTunnel(frame, in info.Layout, misc);
        if (TryFindInner(frame, in info.Layout, out ReadOnlySpan<byte> inner, out FrameInfo innerInfo))
        {
            fields.Inner = innerInfo.Headers;
            ReadFlowLabel(inner, in innerInfo.Layout, misc[InnerFlowLabel..]);
            if (innerInfo.Layout.NetworkOffset >= EthernetHeader.Size)
            {
                ReadSecondVlan(inner, misc, InnerSecondVlan, InnerSecondCvlanTag, InnerSecondSvlanTag);
            }
        }

        fields.Misc = Vector512.Create<byte>(misc).AsUInt64();
        return fields;
    }

    /// <summary>Finds what a VXLAN, GENEVE or GRE tunnel carries. Offsets in <paramref name="innerInfo"/> count from the start of <paramref name="inner"/>.</summary>
    public static bool TryFindInner(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, out ReadOnlySpan<byte> inner, out FrameInfo innerInfo)
    {
        innerInfo = default;
        if (!TryFindPayload(frame, in layout, out inner, out ushort type))
        {
            return false;
        }

        if (type != Bridging)
        {
            FrameInfo.ParsePacket(inner, type, out innerInfo);
            return innerInfo.Layout.IpVersion != 0;
        }

        if (inner.Length < EthernetHeader.Size)
        {
            return false;
        }

        FrameInfo.Parse(inner, out innerInfo);
        return true;
    }

    /// <summary>RFC 2890, 2: checksum, key and sequence number are there if their bits are set, four bytes each.</summary>
    public static int GreBytes(byte bits) =>
        4 + (4 * (((bits >> 7) & 1) + ((bits >> 5) & 1) + ((bits >> 4) & 1)));

    private static bool TryFindPayload(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, out ReadOnlySpan<byte> payload, out ushort type)
    {
        payload = default;
        type = Bridging;
        int bytes;
        ReadOnlySpan<byte> tunnel;
        if (TryFindUdpTunnel(frame, in layout, out tunnel, out ushort port))
        {
            type = port == VxlanPort ? Bridging : BinaryPrimitives.ReadUInt16BigEndian(tunnel[2..]);
            bytes = TunnelBytes + (port == VxlanPort ? 0 : (tunnel[0] & GeneveOptionsLengthBits) * 4);
        }
        else if (TryFindGre(frame, in layout, out tunnel))
        {
            type = BinaryPrimitives.ReadUInt16BigEndian(tunnel[2..]);
            bytes = GreBytes(tunnel[0]);
        }
        else
        {
            return false;
        }

        if (tunnel.Length < bytes)
        {
            return false;
        }

        payload = tunnel[bytes..];
        return true;
    }

    private static bool TryFindUdpTunnel(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, out ReadOnlySpan<byte> tunnel, out ushort port)
    {
        tunnel = default;
        port = 0;
        if (layout.Transport != IpProtocol.Udp || layout.TransportBytes < UdpBytes + TunnelBytes)
        {
            return false;
        }

        port = BinaryPrimitives.ReadUInt16BigEndian(frame[(layout.TransportOffset + 2)..]);
        tunnel = frame.Slice(layout.TransportOffset + UdpBytes, layout.TransportBytes - UdpBytes);
        return port is VxlanPort or GenevePort;
    }

    private static bool TryFindGre(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, out ReadOnlySpan<byte> tunnel)
    {
        tunnel = default;
        if (layout.IpVersion == 0 || layout.IsFragment || layout.TransportBytes < 4 || layout.Protocol != Gre)
        {
            return false;
        }

        tunnel = frame.Slice(layout.TransportOffset, layout.TransportBytes);
        return tunnel.Length >= GreBytes(tunnel[0]);
    }

    private static void ReadTunnel(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, Span<byte> misc)
    {
        if (TryFindUdpTunnel(frame, in layout, out ReadOnlySpan<byte> tunnel, out ushort port))
        {
            tunnel.Slice(4, 3).CopyTo(misc[(port == VxlanPort ? VxlanVni : GeneveVni)..]);
            if (port == GenevePort)
            {
                misc[GeneveOptionsLength] = (byte)(tunnel[0] & GeneveOptionsLengthBits);
                misc[GeneveBits] = (byte)(tunnel[1] >> 7);
                tunnel.Slice(2, 2).CopyTo(misc[GeneveProtocol..]);
            }
        }
        else if (TryFindGre(frame, in layout, out tunnel))
        {
            misc[GreBits] = (byte)(tunnel[0] & (GreChecksumPresent | GreKeyPresent | GreSequencePresent));
            tunnel.Slice(2, 2).CopyTo(misc[GreProtocol..]);
            if ((tunnel[0] & GreKeyPresent) != 0)
            {
                tunnel.Slice(GreBytes((byte)(tunnel[0] & GreChecksumPresent)), 4).CopyTo(misc[GreKey..]);
            }
        }
    }

    private static void ReadFlowLabel(ReadOnlySpan<byte> frame, scoped in FrameLayout layout, Span<byte> field)
    {
        if (layout.IpVersion == 6)
        {
            uint label = BinaryPrimitives.ReadUInt32BigEndian(frame[layout.NetworkOffset..]) & 0xF_FFFF;
            BinaryPrimitives.WriteUInt32BigEndian(field, label);
        }
    }

    private static void ReadSecondVlan(ReadOnlySpan<byte> frame, Span<byte> misc, int field, byte cvlan, byte svlan)
    {
        const int First = 12;
        const int Second = First + 4;
        bool isThere = frame.Length >= Second + 6 && FrameInfo.IsVlan(BinaryPrimitives.ReadUInt16BigEndian(frame[First..]))
            && FrameInfo.IsVlan(BinaryPrimitives.ReadUInt16BigEndian(frame[Second..]));
        if (isThere)
        {
            frame.Slice(Second + 2, 2).CopyTo(misc[field..]);
            misc[SecondVlanBits] |= BinaryPrimitives.ReadUInt16BigEndian(frame[Second..]) == Packets.EtherType.Vlan ? cvlan : svlan;
        }
    }
}
