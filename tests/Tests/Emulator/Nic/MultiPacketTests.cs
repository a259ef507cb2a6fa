using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Enhanced multi-packet WQEs: each data segment is a packet.</summary>
public sealed class MultiPacketTests : IDisposable
{
    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public MultiPacketTests() => _program = new TestProgram(_port.Nic, sendBlocks: 32);

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Fact]
    public void Pointers_and_inline_data_mix_and_the_wqe_completes_once()
    {
        for (int lap = 0; lap < 20; lap++) // each time it wraps elsewhere
        {
            _port.Far.Received.Clear();
            byte[][] frames = [.. Enumerable.Range(0, 9).Select(i => Ethernet(0x88B5, Payload(50 + (i * 7), lap + i)))];
            byte[] segments = [.. frames.SelectMany((frame, i) => i % 3 == 1 ? TestProgram.Inline(frame) : Pointer(frame, i))];
            ushort index = _program.WriteWqe(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW, [.. SendSegments.Ethernet([]), .. segments]);
            _program.Ring(index);
            _port.Run();
            Assert.Equal(frames, _port.Far.Received);
            mlx5_cqe64 completion = _program.PollSend()!.Value;
            Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ, index), ((byte)(completion.op_own >> 4), completion.wqe_counter.Value));
            Assert.Equal(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW, (byte)(completion.sop_drop_qpn >> 24));
            Assert.Null(_program.PollSend());
        }

        Assert.Equal(20 * 9UL, _port[PortCounter.QueueSent]);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void The_longest_has_61_packets_and_goes_on_in_the_next_batch()
    {
        byte[] frame = Ethernet(0x88B5, Payload(60));
        byte[] segments = [.. Enumerable.Range(0, 61).SelectMany(_ => Pointer(frame, 0))];
        for (int i = 0; i < 2; i++)
        {
            _program.WriteWqe(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW, [.. SendSegments.Ethernet([]), .. segments], completion: 0);
        }

        _program.Ring(16);
        _port.Run();
        Assert.Equal(122, _port.Far.Received.Count);
        Assert.Null(_program.PollSend());
    }

    [Fact]
    public void Its_checksum_flags_are_for_all_packets()
    {
        byte[][] right = [.. Enumerable.Range(1, 3).Select(i => Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(i * 30)))))];
        byte[] segments = [.. right.SelectMany((frame, i) => Pointer(Scrambled(frame, 24, 40), i))];
        _program.Ring(_program.WriteWqe(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW,
            [.. SendSegments.Ethernet([], Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM), .. segments]));
        _port.Run();
        Assert.Equal(right, _port.Far.Received.Select((frame, i) => frame[..right[i].Length]));
    }

    [Fact]
    public void Short_packets_are_padded()
    {
        _program.Ring(_program.WriteWqe(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW,
            [.. SendSegments.Ethernet([]), .. TestProgram.Inline(Ethernet(0x88B5, [1, 2])), .. Pointer(Ethernet(0x88B5, [3]), 0)]));
        _port.Run();
        Assert.Equal([60, 60], _port.Far.Received.Select(frame => frame.Length));
        Assert.Equal([1, 2, 0], _port.Far.Received[0][14..17]);
        Assert.Equal([3, 0, 0], _port.Far.Received[1][14..17]);
    }

    [Fact]
    public void The_packets_of_a_legacy_one_have_all_the_same_length()
    {
        const uint Opcode = ((uint)Mlx5Prm.MLX5_OPC_MOD_MPW << 24) | Mlx5Wqe.MLX5_OPCODE_TSO;
        byte[][] frames = [.. Enumerable.Range(0, 5).Select(i => Ethernet(0x88B5, Payload(60, i)))];
        byte[] body = [.. SendSegments.Ethernet([], 0, (ushort)frames[0].Length), .. frames.SelectMany(Pointer)];
        _program.Ring(_program.WriteWqe(Opcode, body));
        _port.Run();
        Assert.Equal(frames, _port.Far.Received);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);

        Fail([.. body, .. Pointer(frames[0][..^1], 0)], Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 10, Opcode);
    }

    [Fact]
    public void An_error_in_one_packet_ends_the_wqe_there()
    {
        byte[] frame = Ethernet(0x88B5, Payload(60));
        Fail([.. SendSegments.Ethernet([]), .. Pointer(frame, 0), .. _program.Pointer(0, 64, lkey: 1), .. Pointer(frame, 1)],
            Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR, sent: 1);
    }

    [Fact]
    public void With_an_inline_header_it_is_a_bad_wqe() => Fail(
        [.. SendSegments.Ethernet(new byte[18]), .. Pointer(Ethernet(0x88B5, Payload(60)), 0)], Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 0);

    [Fact]
    public void With_a_tag_to_insert_it_is_a_bad_wqe() => Fail(
        [.. SendSegments.TaggedEthernet(5), .. Pointer(Ethernet(0x88B5, Payload(60)), 0)], Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 0);

    [Fact]
    public void Without_a_packet_it_is_a_bad_wqe() => Fail(SendSegments.Ethernet([]), Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 0);

    [Fact]
    public void A_packet_without_a_whole_header_is_a_bad_wqe() => Fail(
        [.. SendSegments.Ethernet([]), .. TestProgram.Inline(new byte[13])], Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR, sent: 0);

    [Fact]
    public void A_packet_that_no_port_could_send_is_an_error_of_length() => Fail(
        [.. SendSegments.Ethernet([]), .. _program.Pointer(0, 16 * 1024 + 1)], Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR, sent: 0);

    private byte[] Pointer(byte[] frame, int buffer)
    {
        frame.CopyTo(_program.Buffer(buffer));
        return _program.Pointer(buffer, frame.Length);
    }

    private unsafe void Fail(byte[] body, byte syndrome, int sent, uint opcode = Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW)
    {
        ushort index = _program.WriteWqe(opcode, body, completion: 0);
        _program.Ring(index);
        _port.Run();
        Assert.Equal(sent, _port.Far.Received.Count);
        mlx5_cqe64 completion = _program.PollSend()!.Value;
        var error = *(mlx5_err_cqe*)&completion;
        Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ_ERR, syndrome, index), ((byte)(error.op_own >> 4), error.syndrome, error.wqe_counter.Value));
        Assert.Equal(QueuePairState.Error, _program.Pair.State);
    }
}
