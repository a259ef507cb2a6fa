using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>TSO: each segment must be, byte for byte, the packet that a sender without TSO would have made.</summary>
public sealed unsafe class SegmentationTests : IDisposable
{
    private const byte AllSums = Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM
        | Mlx5Prm.MLX5_ETH_WQE_L3_INNER_CSUM | Mlx5Prm.MLX5_ETH_WQE_L4_INNER_CSUM;

    private const byte AllFlags = 0xFF;
    private const uint Sequence = 0xFFFF_FF00; // wraps
    private const ushort Identification = 0xFFFE;

    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public SegmentationTests()
    {
        _port.Netdev.MtuBytes = 9000;
        _program = new TestProgram(_port.Nic, sendBlocks: 32);
    }

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    /// <summary>The same packet for a piece of the payload; index and flags are those of that segment.</summary>
    private delegate byte[] Builder(byte[] payload, int index, uint sequence, byte flags);

    private static byte[] Plain4(byte[] payload, int index, uint sequence, byte flags) =>
        Ethernet(0x0800, Ip4(TcpProtocol, Tcp(payload, 12, flags, sequence), 0, (ushort)(Identification + index)), (0x8100, 9));

    private static byte[] Plain6(byte[] payload, int index, uint sequence, byte flags) =>
        Ethernet(0x86DD, Ip6(TcpProtocol, Tcp(payload, 0, flags, sequence)));

    private static byte[] OverVxlan(byte[] payload, int index, uint sequence, byte flags) =>
        Ethernet(0x0800, Ip4(UdpProtocol, Vxlan(Plain4(payload, index, sequence, flags)), 0, (ushort)(7 + index)));

    private static byte[] OverGre6(byte[] payload, int index, uint sequence, byte flags) =>
        Ethernet(0x86DD, Ip6(GreProtocol, Gre(0x0800, Plain4(payload, index, sequence, flags)[18..], flags: 0x10)));

    private static readonly Builder[] s_builders = [Plain4, Plain6, OverVxlan, OverGre6];

    [Fact]
    public void Segments_are_what_a_sender_would_have_made_himself() =>
        Gen.Select(Gen.Int[0, s_builders.Length - 1], Gen.Int[1, 20_000], Gen.Int[100, 8000], Gen.Int[1, 9]).Sample((kind, payloadBytes, segmentBytes, pieces) =>
        {
            _port.Far.Received.Clear();
            byte[] payload = Payload(payloadBytes, kind + payloadBytes);
            ushort index = Post(s_builders[kind], segmentBytes, Cut(payload, pieces));
            AssertEqual(Expected(s_builders[kind], payload, segmentBytes), _port.Far.Received);
            AssertOneGoodCompletion(index);
        }, iter: 300, threads: 1);

    [Fact]
    public void Payload_may_stand_inline_too()
    {
        byte[] payload = Payload(900);
        byte[] segments = [.. TestProgram.Inline(payload.AsSpan(0, 301)), .. Pointer(payload[301..700], 0), .. TestProgram.Inline(payload.AsSpan(700))];
        for (int lap = 0; lap < 9; lap++) // each time it wraps elsewhere
        {
            _port.Far.Received.Clear();
            ushort index = Post(Plain4, 256, segments);
            AssertEqual(Expected(Plain4, payload, 256), _port.Far.Received);
            AssertOneGoodCompletion(index);
        }
    }

    [Fact]
    public void Software_can_show_where_the_headers_are()
    {
        byte[] Builder(byte[] payload, int index, uint sequence, byte flags) =>
            Ethernet(0x0800, Ip4(UdpProtocol, Udp(5555, Plain6(payload, index, sequence, flags)), 0, (ushort)(7 + index)));
        byte[] payload = Payload(3000);
        const uint Offsets = (34 / 2 << 24) | (14 / 2 << 16) | (96 / 2 << 8) | (56 / 2);
        Post(Builder, 1000, Cut(payload, 2), Offsets, Mlx5Prm.MLX5_ETH_WQE_SWP_OUTER_L4_UDP | Mlx5Prm.MLX5_ETH_WQE_SWP_INNER_L3_IPV6);
        AssertEqual(Expected(Builder, payload, 1000), _port.Far.Received);
    }

    [Fact]
    public void The_most_that_a_TSO_may_carry_goes_through_in_several_batches()
    {
        byte[] payload = new byte[256 * 1024];
        byte[] segments = new byte[9 * 16];
        byte[] piece = Payload(TestProgram.Entries * TestProgram.BufferBytes * 2);
        piece.CopyTo(new Span<byte>(BufferStart(), piece.Length));
        for (int i = 0; i < 8; i++)
        {
            piece.CopyTo(payload, i * piece.Length);
            _program.Pointer(0, piece.Length).CopyTo(segments, i * 16);
        }

        ushort index = Post(Plain4, 1448, segments[..^16]);
        Assert.Equal(182, _port.Far.Received.Count);
        AssertEqual(Expected(Plain4, payload, 1448), _port.Far.Received);
        AssertOneGoodCompletion(index);
        Assert.Equal(182UL, _port[PortCounter.QueueSent]);

        _program.Pointer(0, 1).CopyTo(segments, 8 * 16);
        Post(Plain4, 1448, segments);
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR, sent: 182);
    }

    [Fact]
    public void Cutting_allocates_nothing()
    {
        using var port = new TestPort(new SinkOptions());
        using var program = new TestProgram(port.Nic, sendBlocks: 32);
        byte[] body = [.. SendSegments.Ethernet(Plain4([], 0, 0, 0), AllSums, 100), .. program.Pointer(0, TestProgram.BufferBytes * 16)];
        long allocated = -1;
        for (int i = 0; i < 3; i++) // what is compiled or made at first use counts not
        {
            program.Ring(program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_TSO, body));
            long before = GC.GetAllocatedBytesForCurrentThread();
            while (port.Nic.Step())
            {
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
        Assert.Equal(3 * 328UL, port[PortCounter.WireSent]);
    }

    [Fact]
    public void Without_payload_it_is_one_packet()
    {
        Post(Plain4, 1000, []);
        AssertEqual([Plain4([], 0, Sequence, AllFlags)], _port.Far.Received);
    }

    [Fact]
    public void Checksums_that_were_not_asked_for_are_copied()
    {
        byte[] payload = Payload(400);
        byte[] header = Plain6(payload, 0, Sequence, 0)[..^payload.Length];
        _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_TSO, [.. SendSegments.Ethernet(header, 0, 200), .. Pointer(payload, 0)]));
        _port.Run();
        Assert.All(_port.Far.Received, frame => Assert.Equal(header[70..72], frame[70..72]));
    }

    [Fact]
    public void Segments_beyond_the_MTU_are_dropped_one_by_one()
    {
        _port.Netdev.MtuBytes = 1000;
        byte[] payload = Payload(2500);
        ushort index = Post(Plain6, 945, Cut(payload, 1)); // 40 + 20 + 945 > 1000 and a tag, but not the last one
        Assert.Single(_port.Far.Received);
        Assert.Equal(2UL, _port[PortCounter.TxOversize]);
        AssertOneGoodCompletion(index);
    }

    [Fact]
    public void An_error_amid_the_payload_ends_it_there()
    {
        byte[] payload = Payload(2000);
        Post(Plain4, 500, [.. Pointer(payload[..1200], 0), .. _program.Pointer(0, 800, lkey: 0)]);
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR, sent: 2);
    }

    [Theory]
    [InlineData("no segment size")]
    [InlineData("header cut")]
    [InlineData("header too long")]
    [InlineData("UDP")]
    [InlineData("fragment")]
    [InlineData("no inline header")]
    [InlineData("tag")]
    [InlineData("modifier")]
    public void What_can_not_be_cut_is_a_bad_wqe(string fault)
    {
        byte[] payload = Payload(1000);
        byte[] header = Plain4([], 0, Sequence, 0);
        byte[] ethernet = fault switch
        {
            "no segment size" => SendSegments.Ethernet(header, AllSums, 0),
            "header cut" => SendSegments.Ethernet(header.AsSpan(0, header.Length - 1), AllSums, 500),
            "header too long" => SendSegments.Ethernet([.. header, 0], AllSums, 500),
            "UDP" => SendSegments.Ethernet(Ethernet(0x0800, Ip4(UdpProtocol, Udp(1, new byte[12]))), AllSums, 500),
            "fragment" => SendSegments.Ethernet(Ethernet(0x0800, Ip4(TcpProtocol, Tcp([]), fragment: 1)), AllSums, 500),
            "no inline header" => SendSegments.Ethernet([], AllSums, 500),
            "tag" => SendSegments.TaggedEthernet(1),
            _ => SendSegments.Ethernet(header, AllSums, 500),
        };
        _program.Ring(_program.WriteWqe((fault == "modifier" ? 2u << 24 : 0) | Mlx5Wqe.MLX5_OPCODE_TSO, [.. ethernet, .. Pointer(payload, 0)]));
        _port.Run();
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 0);
    }

    [Fact]
    public void A_segment_that_no_port_could_send_is_an_error_of_length()
    {
        byte[] payload = Payload(FrameBatch.MaxFrameBytes);
        Post(Plain4, FrameBatch.MaxFrameBytes, Cut(payload, 1));
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR, sent: 0);
    }

    [Fact]
    public void A_reset_forgets_the_one_under_way()
    {
        byte[] payload = Payload(FrameBatch.Capacity * 100 * 2);
        _port.Nic.SetRate(_program.Pair, 1000); // kb/s
        PostOnly(Plain4, 100, Cut(payload, 1));
        _port.Nic.Step(); // the first segment
        _program.ResetSend();
        _port.Run();
        Assert.Single(_port.Far.Received);
        _port.Far.Received.Clear();
        ushort index = Post(Plain6, 1000, Cut(payload[..3000], 3));
        AssertEqual(Expected(Plain6, payload[..3000], 1000), _port.Far.Received);
        AssertOneGoodCompletion(index);
    }

    [Fact]
    public void Memory_that_is_deregistered_under_way_is_read_no_more()
    {
        byte[] payload = Payload(FrameBatch.Capacity * 100 * 2);
        PostOnly(Plain4, 100, Cut(payload, 1));
        _port.Nic.Step();
        _port.Nic.Deregister(_program.Memory);
        _port.Run();
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR, sent: FrameBatch.Capacity);
    }

    [Fact]
    public void A_wqe_that_changes_under_way_is_a_bad_wqe()
    {
        byte[] payload = Payload(FrameBatch.Capacity * 100 * 2);
        ushort index = PostOnly(Plain4, 100, Cut(payload, 1));
        _port.Nic.Step();
        ((mlx5_wqe_eth_seg*)(_program.SendControl(index) + 1))->inline_hdr_sz = 18;
        _port.Run();
        AssertFails(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: FrameBatch.Capacity);
    }

    private ushort Post(Builder builder, int segmentBytes, byte[] segments, uint offsets = 0, byte offsetFlags = 0)
    {
        ushort index = PostOnly(builder, segmentBytes, segments, offsets, offsetFlags);
        _port.Run();
        return index;
    }

    private ushort PostOnly(Builder builder, int segmentBytes, byte[] segments, uint offsets = 0, byte offsetFlags = 0)
    {
        byte[] header = builder([], 0, Sequence, AllFlags);
        ushort index = _program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_TSO,
            [.. SendSegments.Ethernet(header, AllSums, (ushort)segmentBytes, offsets, offsetFlags), .. segments]);
        _program.Ring(index);
        return index;
    }

    /// <summary>Data segments for pieces of the payload, which lie apart in the program's memory.</summary>
    private byte[] Cut(byte[] payload, int pieces)
    {
        List<byte> segments = [];
        int piece = (payload.Length + pieces - 1) / pieces;
        for (int at = 0; at < payload.Length; at += piece)
        {
            segments.AddRange(Pointer(payload[at..Math.Min(at + piece, payload.Length)], at + (at / piece)));
        }

        return [.. segments];
    }

    private byte[] Pointer(byte[] data, int place)
    {
        data.CopyTo(new Span<byte>(BufferStart() + place, data.Length));
        return _program.Pointer(0, data.Length, offset: place);
    }

    private byte* BufferStart() => _program.Buffers;

    private static List<byte[]> Expected(Builder builder, byte[] payload, int segmentBytes)
    {
        List<byte[]> frames = [];
        for (int at = 0, i = 0; at < payload.Length; at += segmentBytes, i++)
        {
            bool isLast = at + segmentBytes >= payload.Length;
            int flags = AllFlags & ~(i == 0 ? 0 : 0x80) & ~(isLast ? 0 : 0x09); // CWR first, FIN and PSH last
            frames.Add(builder(payload[at..Math.Min(at + segmentBytes, payload.Length)], i, Sequence + (uint)at, (byte)flags));
        }

        return frames;
    }

    private static void AssertEqual(List<byte[]> expected, List<byte[]> received)
    {
        Assert.Equal(expected.Count, received.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.Equal([.. expected[i], .. new byte[Math.Max(0, 60 - expected[i].Length)]], received[i]);
        }
    }

    private void AssertOneGoodCompletion(ushort index)
    {
        mlx5_cqe64 completion = _program.PollSend()!.Value;
        Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ, index), ((byte)(completion.op_own >> 4), completion.wqe_counter.Value));
        Assert.Equal(Mlx5Wqe.MLX5_OPCODE_TSO, (byte)(completion.sop_drop_qpn >> 24));
        Assert.Null(_program.PollSend());
    }

    private void AssertFails(byte syndrome, int sent)
    {
        Assert.Equal(sent, _port.Far.Received.Count);
        mlx5_cqe64 completion = _program.PollSend()!.Value;
        Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ_ERR, syndrome), ((byte)(completion.op_own >> 4), (*(mlx5_err_cqe*)&completion).syndrome));
        Assert.Equal(QueuePairState.Error, _program.Pair.State);
    }
}
