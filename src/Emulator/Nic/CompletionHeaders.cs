using System.Runtime.CompilerServices;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a completion tells of the headers of its frame.</summary>
/// <param name="PacketInfo">pkt_info: whether they are those inside a tunnel, and the outer IP version.</param>
/// <param name="Ok">hds_ip_ext: which checksums are right.</param>
/// <param name="Types">l4_hdr_type_etc.</param>
/// <param name="Sum">check_sum, of the outer IP packet.</param>
internal readonly record struct CompletionHeaders(byte PacketInfo, byte Ok, byte Types, Be16 Sum)
{
    private const byte Tunnelled = 1;
    private const byte OuterIp6 = 2;

    /// <summary>Of the outer headers, as for a queue that knows no tunnels.</summary>
    public static CompletionHeaders Outer(ReadOnlySpan<byte> frame, in FrameLayout layout)
    {
        ChecksumStatus status = layout.Check(frame);
        return new CompletionHeaders(0, status.Ok, layout.HeaderTypes, status.Sum);
    }

    /// <summary>Of the headers inside a tunnel, if there is one. A checksum is right if those of both are, as far as there are any outside.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // inlined, its locals would be cleared for each frame
    public static CompletionHeaders Inner(ReadOnlySpan<byte> frame, in FrameLayout layout)
    {
        if (!TunnelHeaders.TryFindInner(frame, in layout, out ReadOnlySpan<byte> inner, out FrameInfo innerInfo))
        {
            return Outer(frame, in layout);
        }

        ChecksumStatus outer = layout.Check(frame);
        byte innerOk = innerInfo.Layout.Check(inner).Ok;
        byte notThere = layout.Transport == 0 ? Mlx5Cqe.MLX5_CQE_L4_OK : (byte)0;
        byte packetInfo = (byte)(Tunnelled | (layout.IpVersion == 6 ? OuterIp6 : 0));
        return new CompletionHeaders(packetInfo, (byte)(innerOk & (outer.Ok | notThere)), innerInfo.Layout.HeaderTypes, outer.Sum);
    }
}
