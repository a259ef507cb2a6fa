using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

public sealed unsafe class ReceiveTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";
    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public ReceiveTests()
    {
        _program = new TestProgram(_port.Nic);
        _program.Flow(Mac);
    }

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Fact]
    public void A_frame_lies_in_its_buffer_and_its_completion_says_all_about_it()
    {
        byte[] frame = Frames.Udp("10.0.0.1", "10.0.0.2", Mac, 100);
        _program.PostReceive(1);
        _port.FromWire(frame);

        mlx5_cqe64 completion = _program.PollReceive()!.Value;
        Assert.Equal(frame, _program.Buffer(0)[..100].ToArray());
        Assert.Equal(Mlx5Cqe.MLX5_CQE_RESP_SEND << 4, completion.op_own);
        Assert.Equal((100u, (ushort)0, 0x1234u, 0u),
            (completion.byte_cnt.Value, completion.wqe_counter.Value, completion.srqn_uidx.Value, completion.sop_drop_qpn.Value));
        Assert.Equal(7, completion.hds_ip_ext);
        Assert.Equal((2 << 4) | (2 << 2), completion.l4_hdr_type_etc); // UDP, IPv4
        Assert.Equal((byte)4, completion.rx_hash_type);
        Assert.NotEqual(0u, completion.rx_hash_result.Value);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Theory]
    [InlineData(24, Mlx5Cqe.MLX5_CQE_L2_OK | Mlx5Cqe.MLX5_CQE_L4_OK)]
    [InlineData(50, Mlx5Cqe.MLX5_CQE_L2_OK | Mlx5Cqe.MLX5_CQE_L3_OK)]
    public void A_wrong_checksum_is_found(int spoiled, int ok)
    {
        byte[] frame = Frames.Udp("10.0.0.1", "10.0.0.2", Mac);
        frame[spoiled] ^= 0x10;
        _program.PostReceive(1);
        _port.FromWire(frame);
        Assert.Equal(ok, _program.PollReceive()!.Value.hds_ip_ext);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    public void Owner_bits_tell_new_entries_from_old_over_many_laps(int entryBytes)
    {
        using TestProgram program = new(_port.Nic, entryBytes);
        program.Flow("02:00:00:00:00:02");
        for (int i = 0; i < 150; i++)
        {
            Assert.Null(program.PollReceive());
            program.PostReceive(1);
            _port.FromWire(TestPort.Frame("02:00:00:00:00:02", identity: (byte)i));
            Assert.Equal((ushort)i, program.PollReceive()!.Value.wqe_counter.Value);
            Assert.Equal((byte)i, program.Buffer(i % TestProgram.Entries)[20]);
        }

        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void Without_a_wqe_a_frame_is_dropped_as_out_of_buffer_and_the_queue_goes_on()
    {
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(1UL, _port[PortCounter.OutOfBuffer]);
        _program.PostReceive(1);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.NotNull(_program.PollReceive());
    }

    [Fact]
    public void A_frame_is_scattered_over_the_segments_of_its_wqe()
    {
        using TestProgram program = new(_port.Nic, receiveStrideLog2: 6);
        program.Flow("02:00:00:00:00:02");
        program.PostReceive(1);
        mlx5_wqe_data_seg* segments = program.ReceiveWqe(0);
        segments[0].byte_count = 30u;
        segments[1] = new mlx5_wqe_data_seg { byte_count = 40u, lkey = program.Memory.Lkey, addr = (ulong)program.Buffers + 512 };
        segments[2] = new mlx5_wqe_data_seg { lkey = Mlx5Wqe.MLX5_INVALID_LKEY };
        byte[] frame = [.. TestPort.Frame("02:00:00:00:00:02").Select((b, i) => i < 14 ? b : (byte)i)];
        _port.FromWire(frame);

        Assert.Equal(64u, program.PollReceive()!.Value.byte_cnt.Value);
        Assert.Equal(frame[..30], program.Buffer(0)[..30].ToArray());
        Assert.Equal(frame[30..], program.Buffer(0).Slice(512, 34).ToArray());
    }

    [Fact]
    public void A_frame_longer_than_its_wqe_costs_that_wqe_only()
    {
        _program.PostReceive(1, lengthBytes: 63);
        _program.PostReceive(1);
        _port.FromWire(TestPort.Frame(Mac), TestPort.Frame(Mac));
        mlx5_cqe64 completion = _program.PollReceive()!.Value;
        Assert.Equal(Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR, (*(mlx5_err_cqe*)&completion).syndrome);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_RESP_SEND, _program.PollReceive()!.Value.op_own >> 4);
        Assert.Equal(1UL, _port[PortCounter.RxTooLong]);
    }

    [Fact]
    public void A_wrong_lkey_stops_the_queue_flushes_what_was_posted_and_reset_recovers()
    {
        _program.PostReceive(3);
        _program.ReceiveWqe(0)->lkey = _program.Memory.Lkey + 0x100;
        _port.FromWire(TestPort.Frame(Mac), TestPort.Frame(Mac));

        byte[] syndromes = [.. Enumerable.Range(0, 3).Select(_ => Syndrome(_program.PollReceive()!.Value))];
        Assert.Equal([Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR], syndromes);
        Assert.Equal((QueueState.Error, 1), (_program.Queue.State, _program.Fatal));
        Assert.Equal((1UL, 1UL), (_port[PortCounter.RxProtectionError], _port[PortCounter.RxQueueNotReady]));

        _program.ResetReceive();
        _program.PostReceive(1);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal((ushort)0, _program.PollReceive()!.Value.wqe_counter.Value);
    }

    [Fact]
    public void Memory_without_the_right_to_write_is_not_written()
    {
        MemoryRegion readOnly = _port.Nic.RegisterMemory(TestProgram.Pd, (ulong)_program.Buffers, 4096, (ulong)_program.Buffers, MrAccess.None);
        _program.PostReceive(1);
        _program.ReceiveWqe(0)->lkey = readOnly.Lkey;
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(1UL, _port[PortCounter.RxProtectionError]);
    }

    [Fact]
    public void A_completion_queue_that_is_not_released_overruns_into_its_error_state()
    {
        for (int i = 0; i <= TestProgram.Entries * 2; i++)
        {
            _program.PostReceive(1);
            _port.FromWire(TestPort.Frame(Mac));
            _program.PollReceive(release: false);
        }

        Assert.Equal((1, true), (_program.Overruns, _program.ReceiveCompletions.HasFailed));
        Assert.Equal(1UL, _port[PortCounter.RxCompletionQueueFull]);
    }

    [Fact]
    public void An_armed_completion_queue_reports_one_event_and_at_once_if_completions_wait()
    {
        _program.PostReceive(3);
        _program.Arm(0);
        _port.FromWire(TestPort.Frame(Mac), TestPort.Frame(Mac));
        Assert.Equal(1, _program.Events);

        _program.Arm(1u << 28); // consumer index still 0: two completions wait
        _port.Run();
        Assert.Equal(2, _program.Events);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    private static byte Syndrome(mlx5_cqe64 completion) => (*(mlx5_err_cqe*)&completion).syndrome;
}
