using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Nic;

public sealed unsafe class SendTests : IDisposable
{
    private const byte L3AndL4 = Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM;

    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public SendTests() => _program = new TestProgram(_port.Nic);

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Fact]
    public void A_frame_is_gathered_from_inline_header_pointers_and_inline_data()
    {
        byte[] frame = TestPort.Frame("02:00:00:00:00:05", identity: 9, length: 100);
        frame.AsSpan(18, 30).CopyTo(_program.Buffer(3)[5..]);
        frame.AsSpan(88).CopyTo(_program.Buffer(4));
        byte[] segments = [.. _program.Pointer(3, 30, offset: 5), .. TestProgram.Inline(frame.AsSpan(48, 40)), .. _program.Pointer(4, 12)];

        _program.Ring(_program.WriteSend(frame.AsSpan(0, 18), segments));
        _port.Run();

        Assert.Equal(frame, Assert.Single(_port.Far.Received));
        mlx5_cqe64 completion = _program.PollSend()!.Value;
        Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ, 0x77u, (ushort)0), ((byte)(completion.op_own >> 4), completion.srqn_uidx.Value, completion.wqe_counter.Value));
        Assert.Equal(_program.Pair.Number | ((uint)Mlx5Wqe.MLX5_OPCODE_SEND << 24), completion.sop_drop_qpn.Value);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void Wqes_wrap_at_the_end_of_the_ring_wherever_it_falls()
    {
        for (byte i = 0; i < 40; i++)
        {
            byte[] frame = TestPort.Frame("02:00:00:00:00:05", identity: i, length: 60 + (i * 3));
            _program.Ring(_program.WriteSend(frame.AsSpan(0, 18), TestProgram.Inline(frame.AsSpan(18))));
            _port.Run();
            Assert.Equal(frame, _port.Far.Received[^1]);
            Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
        }

        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_queue_with_a_rate_waits_as_long_as_each_frame_lasts_at_it()
    {
        _port.Nic.SetRate(_program.Pair, 1000); // kb/s: a frame of 100 bytes lasts 800 us
        for (int i = 0; i < 3; i++)
        {
            _program.Send(TestPort.Frame("02:00:00:00:00:05", identity: 1, length: 100));
        }

        _port.Run();
        Assert.Single(_port.Far.Received);
        _port.Time.Advance(TimeSpan.FromMicroseconds(799));
        _port.Run();
        Assert.Single(_port.Far.Received);
        _port.Time.Advance(TimeSpan.FromMicroseconds(1));
        _port.Run();
        Assert.Equal(2, _port.Far.Received.Count);
        _port.Nic.SetRate(_program.Pair, 0);
        _port.Run();
        Assert.Equal(3, _port.Far.Received.Count);
    }

    [Fact]
    public void A_rate_holds_when_the_clock_in_picoseconds_passes_64_bits()
    {
        _port.Time.Advance(TimeSpan.FromTicks((long)(ulong.MaxValue / 1000 / 100)) - TimeSpan.FromMicroseconds(400));
        _port.Nic.SetRate(_program.Pair, 1000); // kb/s: a frame of 100 bytes lasts 800 us
        for (int i = 0; i < 2; i++)
        {
            _program.Send(TestPort.Frame("02:00:00:00:00:05", identity: 1, length: 100));
        }

        _port.Run();
        Assert.Single(_port.Far.Received);
        _port.Time.Advance(TimeSpan.FromMicroseconds(800));
        _port.Run();
        Assert.Equal(2, _port.Far.Received.Count);
    }

    [Fact]
    public void Queues_that_always_have_work_get_the_same_however_many_others_rest()
    {
        const int Batch = FrameBatch.Capacity;
        using TestPort port = new(new SinkOptions());
        using TestProgram one = new(port.Nic, sendBlocks: 2 * Batch);
        TestProgram[] resting = [.. Enumerable.Range(0, 6).Select(_ => new TestProgram(port.Nic))];
        using TestProgram other = new(port.Nic, sendBlocks: 2 * Batch);
        int[] sent = [0, 0];
        TestProgram[] busy = [one, other];
        foreach (TestProgram program in busy)
        {
            RingBatch(program);
            RingBatch(program);
        }

        for (int turn = 0; turn < 16; turn++)
        {
            Assert.True(port.Nic.Step(), "there is work");
            for (int i = 0; i < busy.Length; i++)
            {
                if (busy[i].PollSend() is not null)
                {
                    sent[i]++;
                    RingBatch(busy[i]);
                }
            }
        }

        Assert.Equal([8, 8], sent);
        port.Run();
        Array.ForEach(resting, program => program.Dispose());

        void RingBatch(TestProgram program)
        {
            for (int i = 1; i < Batch; i++)
            {
                program.WriteSend([], TestProgram.Inline(new byte[20]), completion: 0);
            }

            program.Ring(program.WriteSend([], TestProgram.Inline(new byte[20])));
        }
    }

    [Fact]
    public void What_was_rung_for_is_sent_before_the_queue_pair_is_destroyed()
    {
        byte[] frame = TestPort.Frame("02:00:00:00:00:05", identity: 1, length: 100);
        _port.Run();
        _program.Send(frame);
        _port.Nic.Destroy(_program.Pair);
        Assert.NotNull(_program.PollSend()); // what came later, the program's library would not know what to do with
        _port.Run();
        Assert.Equal(frame, Assert.Single(_port.Far.Received));
    }

    [Fact]
    public void Of_more_than_a_batch_all_is_sent_before_the_queue_pair_is_destroyed()
    {
        const int Count = FrameBatch.Capacity + 36;
        using TestProgram program = new(_port.Nic, sendBlocks: 128);
        _port.Run();
        for (int i = 1; i < Count; i++)
        {
            program.WriteSend([], TestProgram.Inline(new byte[20]), completion: 0);
        }

        program.Ring(program.WriteSend([], TestProgram.Inline(new byte[20])));
        _port.Nic.Destroy(program.Pair);
        Assert.NotNull(program.PollSend());
        _port.Run();
        Assert.Equal(Count, _port.Far.Received.Count);
    }

    [Fact]
    public void One_doorbell_tells_of_all_wqes_and_only_the_signalled_one_completes()
    {
        ushort last = 0;
        for (byte i = 0; i < 5; i++)
        {
            TestPort.Frame("02:00:00:00:00:05", identity: i).CopyTo(_program.Buffer(i));
            last = _program.WriteSend([], _program.Pointer(i, 64), completion: i == 4 ? (byte)2 : (byte)1);
        }

        _port.Run();
        Assert.Empty(_port.Far.Received); // nothing was rung

        _program.Ring(last, registerOffset: 0x900); // the other half of the register
        _port.Run();
        Assert.Equal([0, 1, 2, 3, 4], _port.Far.Received.Select(f => f[20]));
        Assert.Equal(4, _program.PollSend()!.Value.wqe_counter.Value);
        Assert.Null(_program.PollSend());
    }

    [Fact]
    public void A_nop_completes_and_sends_nothing()
    {
        _program.Ring(_program.WriteSend([], [], opcode: Mlx5Wqe.MLX5_OPCODE_NOP));
        _port.Run();
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
        Assert.Empty(_port.Far.Received);
    }

    [Fact]
    public void A_short_frame_is_padded_to_60_bytes_with_zeros()
    {
        _program.Buffer(TestProgram.Entries).Fill(0xEE);
        _program.Send(TestPort.Frame("02:00:00:00:00:05").AsSpan(0, 20).ToArray());
        _port.Run();
        byte[] received = Assert.Single(_port.Far.Received);
        Assert.Equal(60, received.Length);
        Assert.All(received[20..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_frame_beyond_MTU_header_and_one_tag_is_dropped_and_counted_and_completes_well()
    {
        _program.Send(TestPort.Frame("02:00:00:00:00:05", length: 1519));
        _program.Send(TestPort.Frame("02:00:00:00:00:05", length: 1518));
        _port.Run();
        Assert.Equal(1UL, _port[PortCounter.TxOversize]);
        Assert.Single(_port.Far.Received);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
    }

    [Fact]
    public void Without_carrier_a_frame_is_dropped_and_counted()
    {
        _port.Nic.SetCarrier(false);
        _program.Send(TestPort.Frame("02:00:00:00:00:05"));
        _port.Run();
        Assert.Equal(1UL, _port[PortCounter.TxCarrierDown]);
        Assert.False(_port.Nic.Link.IsUp);
    }

    [Fact]
    public void What_was_rung_for_before_a_reset_is_sent_once_and_no_more_in_the_queue_s_next_life()
    {
        _program.Send(TestPort.Frame("02:00:00:00:00:05"));
        _port.Run();
        _program.Send(TestPort.Frame("02:00:00:00:00:05"));
        _program.ResetSend();
        _port.Run();
        Assert.Equal(2, _port.Far.Received.Count);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void What_was_rung_for_before_the_queue_was_stopped_is_sent_and_not_flushed()
    {
        _port.Run(); // brings the link up
        _program.Send(TestPort.Frame("02:00:00:00:00:05"));
        _port.Nic.Modify(_program.Pair, QueuePairState.Error);
        _port.Run();
        Assert.Single(_port.Far.Received);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
    }

    [Theory]
    [InlineData(false, 0x8100)]
    [InlineData(true, 0x88A8)]
    public void A_tag_is_inserted_behind_the_addresses(bool isServiceTag, int type)
    {
        byte[] right = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(90))), ((ushort)type, 0xE123));
        byte[] untagged = Scrambled([.. right[..12], .. right[16..]], 24, 40);
        untagged.CopyTo(_program.Buffer(0));
        _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_SEND, [.. SendSegments.TaggedEthernet(0xE123, L3AndL4, isServiceTag),
            .. TestProgram.Inline(untagged.AsSpan(0, 7)), .. _program.Pointer(0, untagged.Length - 7, offset: 7)]));
        _port.Run();
        Assert.Equal(right, Assert.Single(_port.Far.Received));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tag_that_is_inserted_does_not_count_against_the_MTU(bool isServiceTag)
    {
        TestPort.Frame("02:00:00:00:00:05", length: 1514).CopyTo(_program.Buffer(0));
        _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_SEND, [.. SendSegments.TaggedEthernet(5, isServiceTag: isServiceTag), .. _program.Pointer(0, 1514)]));
        _port.Run();
        Assert.Equal(1518, Assert.Single(_port.Far.Received).Length);
    }
}
