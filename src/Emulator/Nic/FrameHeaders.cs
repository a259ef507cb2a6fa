using System.Buffers.Binary;
using Verbena.Interop.Mlx5;
using Verbena.Packets;
using static Verbena.Emulator.Nic.TunnelHeaders;

namespace Verbena.Emulator.Nic;

/// <summary>The headers that the NIC completes in a frame to be sent: the outer ones, and those that a tunnel carries.</summary>
internal struct FrameHeaders
{
    private const byte Ip4InIp = 4;  // RFC 2003
    private const byte Ip6InIp = 41; // RFC 4213

    public HeaderLayer Outer;
    public HeaderLayer Inner;

    /// <summary>The layer whose payload TSO cuts: the innermost.</summary>
    public readonly HeaderLayer Innermost => Inner.IpVersion != 0 ? Inner : Outer;

    /// <summary>Finds the headers as the NIC's parser does: up to two VLAN tags, VXLAN, GENEVE, GRE, IP in IP.</summary>
    public static FrameHeaders Parse(ReadOnlySpan<byte> frame)
    {
        FrameHeaders headers = default;
        headers.Outer = ParseEthernet(frame, 0);
        headers.Inner = ParseTunnel(frame, headers.Outer);
        return headers;
    }

    /// <summary>Adds the headers that only software has found; since ConnectX-5 its offsets complement the NIC's own parser.</summary>
    public void Complement(ReadOnlySpan<byte> frame, uint offsets, byte flags)
    {
        Complement(ref Outer, frame, (offsets >> 16) & 0xFF, offsets >> 24,
            (flags & Mlx5Prm.MLX5_ETH_WQE_SWP_OUTER_L3_IPV6) != 0, (flags & Mlx5Prm.MLX5_ETH_WQE_SWP_OUTER_L4_UDP) != 0);
        Complement(ref Inner, frame, offsets & 0xFF, (offsets >> 8) & 0xFF,
            (flags & Mlx5Prm.MLX5_ETH_WQE_SWP_INNER_L3_IPV6) != 0, (flags & Mlx5Prm.MLX5_ETH_WQE_SWP_INNER_L4_UDP) != 0);
    }

    private static HeaderLayer ParseEthernet(ReadOnlySpan<byte> frame, int offset)
    {
        int at = offset + 12;
        ushort type = Read16(frame, at);
        for (int tags = 0; tags < 2 && type is EtherType.Vlan or EtherType.ServiceVlan; tags++)
        {
            at += 4;
            type = Read16(frame, at);
        }

        return HeaderLayer.Parse(frame, at + 2, type);
    }

    private static HeaderLayer ParseTunnel(ReadOnlySpan<byte> frame, HeaderLayer outer) => outer.Protocol switch
    {
        IpProtocol.Udp => ParseUdpTunnel(frame, outer.TransportOffset),
        Gre => ParseGre(frame, outer.TransportOffset),
        Ip4InIp => HeaderLayer.Parse(frame, outer.TransportOffset, EtherType.Ip4),
        Ip6InIp => HeaderLayer.Parse(frame, outer.TransportOffset, EtherType.Ip6),
        _ => default,
    };

    private static HeaderLayer ParseUdpTunnel(ReadOnlySpan<byte> frame, int udp)
    {
        int optionBytes = (Read16(frame, udp + UdpBytes) >> 8 & 0x3F) * 4;
        return Read16(frame, udp + 2) switch
        {
            VxlanPort => ParseEthernet(frame, udp + UdpBytes + TunnelBytes),
            GenevePort => ParsePayload(frame, udp + UdpBytes + TunnelBytes + optionBytes, Read16(frame, udp + UdpBytes + 2)),
            _ => default,
        };
    }

    private static HeaderLayer ParseGre(ReadOnlySpan<byte> frame, int gre) =>
        ParsePayload(frame, gre + GreBytes((byte)(Read16(frame, gre) >> 8)), Read16(frame, gre + 2));

    private static HeaderLayer ParsePayload(ReadOnlySpan<byte> frame, int offset, ushort type) =>
        type == Bridging ? ParseEthernet(frame, offset) : HeaderLayer.Parse(frame, offset, type);

    /// <summary>Takes offsets in units of two bytes; 0: there is no such header.</summary>
    private static void Complement(ref HeaderLayer layer, ReadOnlySpan<byte> frame, uint network, uint transport, bool isIp6, bool isUdp)
    {
        if (layer.IpVersion == 0 && network != 0)
        {
            layer = HeaderLayer.Parse(frame, (int)network * 2, isIp6 ? EtherType.Ip6 : EtherType.Ip4);
        }

        if (layer is { IpVersion: not 0, Transport: 0 } && transport != 0)
        {
            layer.SetTransport(isUdp ? IpProtocol.Udp : IpProtocol.Tcp, (int)transport * 2, frame.Length);
        }
    }

    /// <summary>Two bytes, 0 beyond the end.</summary>
    private static ushort Read16(ReadOnlySpan<byte> frame, int offset) =>
        offset + 2 <= frame.Length ? BinaryPrimitives.ReadUInt16BigEndian(frame[offset..]) : (ushort)0;
}
