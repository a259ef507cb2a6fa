using Verbena.Interop.Mlx5;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Checksums that a sender leaves to the NIC, against packets that were built with right ones.</summary>
public sealed class ChecksumOffloadTests : IDisposable
{
    private const byte L3 = Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM;
    private const byte L4 = Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM;
    private const byte InnerL3 = Mlx5Prm.MLX5_ETH_WQE_L3_INNER_CSUM;
    private const byte InnerL4 = Mlx5Prm.MLX5_ETH_WQE_L4_INNER_CSUM;

    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public ChecksumOffloadTests() => _program = new TestProgram(_port.Nic);

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1001)] // an odd byte
    public void Of_a_plain_packet_of_any_kind_they_are_right(int payloadBytes)
    {
        byte[] payload = Payload(payloadBytes);
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, payload))), L3 | L4, 24, 40);
        AssertCompleted(Ethernet(0x0800, Ip4(TcpProtocol, Tcp(payload))), L3 | L4, 24, 50);
        AssertCompleted(Ethernet(0x0800, Ip4(TcpProtocol, Tcp(payload, optionBytes: 12), optionBytes: 8)), L3 | L4, 24, 58);
        AssertCompleted(Ethernet(0x86DD, Ip6(UdpProtocol, Udp(2000, payload))), L3 | L4, 60);
        AssertCompleted(Ethernet(0x86DD, Ip6(TcpProtocol, Tcp(payload))), L3 | L4, 70);
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, payload)), (0x8100, 5)), L3 | L4, 28, 44);
    }

    [Fact]
    public void Behind_two_vlan_tags_they_are_right() =>
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(100))), (0x88A8, 7), (0x8100, 5)), L3 | L4, 32, 48);

    [Fact]
    public void Only_what_was_asked_for_is_written()
    {
        byte[] right = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(100))));
        Assert.Equal(Scrambled(right, 40), Send(Scrambled(right, 24, 40), L3));
        Assert.Equal(Scrambled(right, 24), Send(Scrambled(right, 24, 40), L4));
        Assert.Equal(Scrambled(right, 24, 40), Send(Scrambled(right, 24, 40), InnerL3 | InnerL4));
    }

    [Fact]
    public void Bytes_behind_the_packet_are_no_part_of_the_sum() =>
        AssertCompleted([.. Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(100)))), 1, 2, 3], L3 | L4, 24, 40);

    [Fact]
    public void A_fragment_gets_its_headers_sum_only()
    {
        byte[] right = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(100)), fragment: 0x2000));
        Assert.Equal(Scrambled(right, 40), Send(Scrambled(right, 24, 40), L3 | L4));
    }

    [Fact]
    public void A_packet_shorter_than_its_header_says_gets_no_transport_sum()
    {
        byte[] cut = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(100))))[..90];
        Assert.Equal(Scrambled(cut, 40), Send(Scrambled(cut, 24, 40), L3 | L4));
    }

    [Fact]
    public void A_udp_sum_of_zero_is_sent_as_all_ones()
    {
        byte[] payload = Payload(40);
        ushort sum = (ushort)((Ip4(UdpProtocol, Udp(2000, [.. payload, 0, 0]))[26] << 8) | Ip4(UdpProtocol, Udp(2000, [.. payload, 0, 0]))[27]);
        byte[] right = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, [.. payload, (byte)(sum >> 8), (byte)sum])));
        Assert.Equal([0xFF, 0xFF], right[40..42]);
        AssertCompleted(right, L4, 40);
    }

    [Fact]
    public void Of_a_tunnelled_packet_all_four_are_right()
    {
        byte[] inner = Ethernet(0x0800, Ip4(TcpProtocol, Tcp(Payload(101))));
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Vxlan(inner))), L3 | L4 | InnerL3 | InnerL4, 24, 40, 74, 100);
        AssertCompleted(Ethernet(0x86DD, Ip6(UdpProtocol, Vxlan(inner))), L3 | L4 | InnerL3 | InnerL4, 60, 94, 120);
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Geneve(0x6558, inner, optionBytes: 8))), L3 | L4 | InnerL3 | InnerL4, 24, 40, 82, 108);
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Geneve(0x86DD, Ip6(UdpProtocol, Udp(9, Payload(20)))))), L3 | L4 | InnerL4, 24, 40, 96);
        AssertCompleted(Ethernet(0x0800, Ip4(GreProtocol, Gre(0x6558, inner, flags: 0x20))), L3 | L4 | InnerL3 | InnerL4, 24, 66, 92);
        AssertCompleted(Ethernet(0x0800, Ip4(GreProtocol, Gre(0x0800, inner[14..]))), L3 | L4 | InnerL3 | InnerL4, 24, 48, 74);
        AssertCompleted(Ethernet(0x0800, Ip4(4, inner[14..])), L3 | L4 | InnerL3 | InnerL4, 24, 44, 70);
        AssertCompleted(Ethernet(0x0800, Ip4(41, Ip6(TcpProtocol, Tcp(Payload(9))))), L3 | L4 | InnerL3 | InnerL4, 24, 90);
    }

    [Fact]
    public void A_tunnels_udp_sum_that_was_not_asked_for_stays_zero() =>
        AssertCompleted(Ethernet(0x0800, Ip4(UdpProtocol, Vxlan(Ethernet(0x0800, Ip4(UdpProtocol, Udp(9, Payload(64))))), sums: false)),
            L3 | InnerL3 | InnerL4, 24, 74, 90);

    [Fact]
    public void Offsets_from_software_show_headers_that_the_NIC_does_not_know()
    {
        byte[] inner = Ethernet(0x0800, Ip4(UdpProtocol, Udp(9, Payload(33))));
        byte[] right = Ethernet(0x0800, Ip4(UdpProtocol, Udp(5555, [1, 2, 3, 4, .. inner]))); // ports 5555: no tunnel that is known
        const uint Offsets = (34 / 2 << 24) | (14 / 2 << 16) | (80 / 2 << 8) | (60 / 2);
        const byte Flags = Mlx5Prm.MLX5_ETH_WQE_SWP_OUTER_L4_UDP | Mlx5Prm.MLX5_ETH_WQE_SWP_INNER_L4_UDP;
        AssertCompletedWith(Offsets, Flags, right, L3 | L4 | InnerL3 | InnerL4, 24, 40, 70, 86);
        byte[] without = Send(Scrambled(right, 70, 86), L3 | InnerL3 | InnerL4);
        Assert.Equal([0xDE, 0xAD], without[70..72]);
    }

    [Fact]
    public void Offsets_from_software_lead_past_extension_headers() =>
        AssertCompletedWith((62 / 2 << 24) | (14 / 2 << 16), Mlx5Prm.MLX5_ETH_WQE_SWP_OUTER_L3_IPV6,
            Ethernet(0x86DD, Ip6WithHopByHop(TcpProtocol, Tcp(Payload(50)))), L4, 78);

    [Theory]
    [InlineData(0xFFFFFFFFu)]
    [InlineData(0x28282828u)]
    [InlineData(0x01010101u)]
    public void Wrong_offsets_harm_no_byte_behind_the_frame(uint offsets)
    {
        byte[] frame = Ethernet(0x88B5, Payload(70));
        Assert.Equal(frame.Length, Send(frame, L3 | L4 | InnerL3 | InnerL4, offsets, 0xFF).Length);
        Assert.Equal(frame.Length, Send(frame, L3 | L4 | InnerL3 | InnerL4, offsets, 0).Length);
    }

    private void AssertCompleted(byte[] right, byte flags, params int[] places) => AssertCompletedWith(0, 0, right, flags, places);

    private void AssertCompletedWith(uint offsets, byte offsetFlags, byte[] right, byte flags, params int[] places)
    {
        byte[] padded = right.Length < 60 ? [.. right, .. new byte[60 - right.Length]] : right;
        Assert.Equal(padded, Send(Scrambled(right, places), flags, offsets, offsetFlags));
    }

    private byte[] Send(byte[] frame, byte flags, uint offsets = 0, byte offsetFlags = 0)
    {
        frame.CopyTo(_program.Buffer(0));
        _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_SEND,
            [.. SendSegments.Ethernet([], flags, 0, offsets, offsetFlags), .. _program.Pointer(0, frame.Length)]));
        _port.Run();
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
        return _port.Far.Received[^1];
    }
}
