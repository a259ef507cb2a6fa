using System.Buffers.Binary;
using System.Net;
using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>TCP packets that a veth peer leaves to hardware to cut.</summary>
public sealed class SuperFrameTests
{
    private const byte AllFlags = 0xFF;
    private static readonly byte[] s_ip4 = Frames.Tcp(IPAddress.Parse("1.1.1.100"), 1000, IPAddress.Parse("1.1.1.2"), 2000);
    private static readonly byte[] s_ip6 = Frames.Tcp(IPAddress.Parse("fd00::1"), 1000, IPAddress.Parse("fd00::2"), 2000);

    [Fact]
    public void The_segments_carry_the_whole_payload_in_order_with_right_headers() =>
        Gen.Select(Gen.Bool, Gen.Int[1, 60_000], Gen.Int[88, 9000]).Sample((isIp6, payloadBytes, segmentBytes) =>
        {
            byte[] large = Large(isIp6 ? s_ip6 : s_ip4, payloadBytes);
            int headers = large.Length - payloadBytes;
            Assert.True(SuperFrame.TryParse(large, Header(isIp6, segmentBytes), out SuperFrame frame));
            List<byte> payload = [];
            byte[] room = new byte[FrameBatch.MaxFrameBytes];
            for (int i = 0; i < frame.Count; i++)
            {
                Span<byte> segment = room.AsSpan(0, frame.Write(i, room));
                AssertHeaders(segment, headers, payload.Count, isFirst: i == 0, isLast: i == frame.Count - 1);
                Assert.InRange(segment.Length - headers, 1, segmentBytes);
                payload.AddRange(segment[headers..]);
            }

            Assert.Equal(large[headers..], payload);
        });

    [Theory]
    [InlineData(0, 1000)] // nothing to cut
    [InlineData(3, 1000)] // UDP fragments
    [InlineData(1, 0)]
    public void What_is_not_TCP_with_a_segment_size_is_not_taken(int type, int segmentBytes) => Assert.False(SuperFrame.TryParse(
        Large(s_ip4, 5000), new virtio_net_hdr { gso_type = (byte)type, gso_size = (ushort)segmentBytes }, out _));

    [Fact]
    public void A_packet_that_is_cut_short_anywhere_is_not_taken()
    {
        byte[] large = Large(s_ip4, 5000);
        for (int length = 0; length < large.Length; length++)
        {
            Assert.False(SuperFrame.TryParse(large.AsSpan(0, length), Header(isIp6: false, 1000), out _));
        }
    }

    private static virtio_net_hdr Header(bool isIp6, int segmentBytes) => new()
    {
        gso_type = (byte)((isIp6 ? VirtioNet.VIRTIO_NET_HDR_GSO_TCPV6 : VirtioNet.VIRTIO_NET_HDR_GSO_TCPV4) | VirtioNet.VIRTIO_NET_HDR_GSO_ECN),
        gso_size = (ushort)segmentBytes,
    };

    /// <summary>A packet with all flags, the sequence number 0xFFFFFF00, the identification 0xFFFE and so many bytes of payload.</summary>
    private static byte[] Large(byte[] headers, int payloadBytes)
    {
        byte[] payload = new byte[payloadBytes];
        new Random(payloadBytes).NextBytes(payload);
        byte[] large = [.. headers, .. payload];
        bool isIp4 = headers.Length == 54;
        BinaryPrimitives.WriteUInt16BigEndian(large.AsSpan(isIp4 ? 16 : 18), (ushort)(large.Length - (isIp4 ? 14 : 54)));
        if (isIp4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(large.AsSpan(18), 0xFFFE);
        }

        BinaryPrimitives.WriteUInt32BigEndian(large.AsSpan(headers.Length - 16), 0xFFFF_FF00);
        large[headers.Length - 7] = AllFlags;
        return large;
    }

    private static void AssertHeaders(ReadOnlySpan<byte> segment, int headers, int payloadBefore, bool isFirst, bool isLast)
    {
        FrameInfo.Parse(segment, out FrameInfo info);
        Assert.Equal(segment.Length - info.Layout.TransportOffset, info.Layout.TransportBytes);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_L2_OK | Mlx5Cqe.MLX5_CQE_L3_OK | Mlx5Cqe.MLX5_CQE_L4_OK, info.Layout.Check(segment).Ok);
        Assert.Equal(unchecked(0xFFFF_FF00 + (uint)payloadBefore), BinaryPrimitives.ReadUInt32BigEndian(segment[(headers - 16)..]));
        int cleared = (isFirst ? 0 : 0x80) | (isLast ? 0 : 0x09);
        Assert.Equal(AllFlags & ~cleared, segment[headers - 7]);
    }
}
