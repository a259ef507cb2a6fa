using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

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
    [InlineData("10.0.0.1", "10.0.0.2", 2)]
    [InlineData("fd00::1", "fd00::2", 1)]
    public void The_headers_of_a_packet_whose_end_is_missing_are_read_and_its_checksum_is_not_right(string source, string destination, int ipType)
    {
        byte[] frame = Frames.Udp(source, destination, Mac, 100);
        _program.PostReceive(1);
        _port.FromWire(frame[..^4]); // zeros, which the sum does not notice
        mlx5_cqe64 completion = _program.PollReceive()!.Value;
        Assert.Equal((2 << 4) | (ipType << 2), completion.l4_hdr_type_etc); // UDP
        Assert.Equal(Mlx5Cqe.MLX5_CQE_L2_OK | Mlx5Cqe.MLX5_CQE_L3_OK, completion.hds_ip_ext);
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
        _program.Records[0] = (uint)TestProgram.Entries * 2; // releases all
        ulong other = (ulong)_program.Buffers;
        Assert.Equal(22, Assert.Throws<NicException>(() => _port.Nic.Resize(_program.ReceiveCompletions, other, 64)).Errno);
    }

    [Fact]
    public void A_program_may_let_its_indices_run_on_beyond_the_bits_that_count()
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup { Entries = 64, Completions = 64 });
        program.Flow("02:00:00:00:00:02");
        program.RunsOn = true;
        for (int i = 0; i < 1100; i++)
        {
            program.Post(64);
            _port.FromWire(Enumerable.Repeat(TestPort.Frame("02:00:00:00:00:02"), 64));
            Assert.Equal(64, program.TakeAll().Count);
        }

        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Theory]
    [InlineData(0, 60, 7, 0x28)] // UDP over IPv4
    [InlineData(1, 60, 7, 0x18)] // TCP without ACK
    [InlineData(2, 90, 7, 0x24)] // UDP over IPv6
    [InlineData(3, 60, 1, 0x00)]
    [InlineData(4, 60, 7, 0x28)] // a tag that is left in
    [InlineData(5, 60, 3, 0x88)] // fragment
    [InlineData(6, 60, 7, 0x2A)] // options
    [InlineData(7, 60, 3, 0x28)] // wrong transport checksum
    public void A_completion_tells_the_headers_and_the_sum_of_the_IP_packet(int kind, int length, int ok, int types)
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup());
        program.Flow("02:00:00:00:00:02");
        program.Post(1);
        byte[] frame = MixedFrames.Make(kind, "02:00:00:00:00:02", 5, length);
        byte[] padded = [.. frame, 0xAA, 0xBB, 0xCC]; // what follows the packet in its frame is not summed
        _port.FromWire(kind == 3 ? frame : padded);

        mlx5_cqe64 completion = program.TakeAll().Single().Completion;
        Assert.Equal((ok, types), (completion.hds_ip_ext, completion.l4_hdr_type_etc));
        Assert.Equal(kind == 3 ? 0 : Sum(frame.AsSpan(kind == 4 ? 18 : 14)), completion.check_sum.Value);
    }

    [Theory]
    [InlineData(0x02, 0, 1)] // SYN
    [InlineData(0x10, 0, 3)] // ACK
    [InlineData(0x18, 5, 4)]
    public void Of_TCP_a_completion_tells_whether_it_acknowledges_and_carries_data(byte flags, int dataBytes, int type)
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup());
        program.Flow("02:00:00:00:00:02");
        program.Post(1);
        byte[] frame = [.. Packet.Ethernet(EtherType.Ip4, Packet.Ip4(Packet.TcpProtocol, Packet.Tcp(Packet.Payload(dataBytes), flags: flags))), 0, 0, 0]; // padded
        MacAddress.Parse("02:00:00:00:00:02").CopyTo(frame);
        _port.FromWire(frame);
        Assert.Equal(type, program.TakeAll().Single().Completion.l4_hdr_type_etc >> 4);
    }

    private static readonly byte[] s_innerTcp = Packet.Ip4(Packet.TcpProtocol, Packet.Tcp(Packet.Payload(9)));

    public static TheoryData<byte[], byte, byte, byte> Tunnels() => new()
    {
        // What comes; pkt_info, header types and OK bits where tunnels are offloaded.
        { Packet.Ethernet(0x0800, Packet.Ip4(17, Packet.Vxlan(Packet.Ethernet(0x0800, s_innerTcp)))), 1, 0x48, 7 },
        { Packet.Ethernet(0x86DD, Packet.Ip6(17, Packet.Vxlan(Packet.Ethernet(0x0800, s_innerTcp)))), 3, 0x48, 7 },
        { Packet.Ethernet(0x0800, Packet.Ip4(47, Packet.Gre(0x0800, s_innerTcp))), 1, 0x48, 7 },
        { Packet.Ethernet(0x0800, Packet.Ip4(17, Packet.Geneve(0x86DD, Packet.Ip6(17, Packet.Udp(5, [1, 2]))))), 1, 0x24, 7 },
        { Packet.Ethernet(0x0800, Packet.Ip4(17, Packet.Udp(5, [1, 2]))), 0, 0x28, 7 },
    };

    [Theory]
    [MemberData(nameof(Tunnels))]
    public void A_completion_tells_of_the_headers_inside_a_tunnel_where_the_program_asked_for_that(byte[] frame, byte info, byte types, byte ok)
    {
        MacAddress.Parse("02:00:00:00:00:02").CopyTo(frame);
        using ReceiveProgram aware = new(_port.Nic, new ReceiveSetup { OffloadsTunnels = true });
        using ReceiveProgram unaware = new(_port.Nic, new ReceiveSetup());
        aware.Flow("02:00:00:00:00:02");
        unaware.Flow("02:00:00:00:00:02");
        aware.Post(2);
        unaware.Post(2);
        byte[] spoiled = [.. frame[..^1], (byte)~frame[^1]];
        _port.FromWire(frame, spoiled);

        mlx5_cqe64[] told = [.. aware.TakeAll().Select(received => received.Completion)];
        Assert.Equal((info, types, ok), (told[0].pkt_info, told[0].l4_hdr_type_etc, told[0].hds_ip_ext));
        Assert.Equal(3, told[1].hds_ip_ext);
        mlx5_cqe64 outer = unaware.TakeAll()[0].Completion;
        Assert.Equal((0, frame[12] == 8 ? 0x08 : 0x04), (outer.pkt_info, outer.l4_hdr_type_etc & 0x0C));
    }

    [Fact]
    public void Frames_from_the_same_flow_carry_its_tag()
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup());
        program.Flow("02:00:00:00:00:02", tag: 0xABCDEF);
        program.Post(1);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:02"));
        Assert.Equal(0xABCDEFu, program.TakeAll().Single().Completion.sop_drop_qpn.Value);
    }

    [Fact]
    public void A_stripped_VLAN_tag_is_in_the_completion_and_no_longer_in_the_frame()
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup { StripsVlan = true });
        program.Flow("02:00:00:00:00:02");
        program.Post(3);
        byte[] tagged = MixedFrames.Make(4, "02:00:00:00:00:02", 7, 80);
        byte[] untagged = MixedFrames.Make(0, "02:00:00:00:00:02", 7, 80);
        _port.FromWire(tagged, untagged);
        _port.Nic.StripVlan(program.Queue, false);
        _port.FromWire(tagged);

        List<Received> taken = program.TakeAll();
        Assert.Equal([untagged, untagged, tagged], taken.Select(received => received.Data));
        Assert.Equal([(0x2007, 0x29, 80u), (0, 0x28, 80u), (0, 0x28, 84u)],
            taken.Select(r => ((int)r.Completion.vlan_info.Value, (int)r.Completion.l4_hdr_type_etc, r.Completion.byte_cnt.Value)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_frame_check_sequence_is_that_of_the_frame_on_the_wire(bool strips)
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup { KeepsFcs = true, StripsVlan = strips });
        program.Flow("02:00:00:00:00:02");
        program.Post(1);
        byte[] tagged = MixedFrames.Make(4, "02:00:00:00:00:02", 7, 100);
        _port.FromWire(tagged);
        byte[] received = program.TakeAll().Single().Data;
        Assert.Equal(tagged.Length + (strips ? 0 : 4), received.Length);
        Assert.Equal(0xDEBB_20E3u, ~FrameCheckSequence.Compute([.. tagged, .. received[^4..]])); // the residue of IEEE 802.3, bits as here
    }

    [Fact]
    public void What_is_posted_to_a_stopped_queue_is_flushed_though_another_keeps_the_NIC_busy()
    {
        using TestProgram stopped = new(_port.Nic);
        using TestProgram busy = new(_port.Nic);
        _port.Nic.Modify(stopped.Queue, QueueState.Error);
        stopped.PostReceive(2);
        for (int i = 0; i < 5; i++)
        {
            busy.Send(TestPort.Frame("02:00:00:00:00:05"));
            Assert.True(_port.Nic.Step(), "there is work");
            Assert.NotNull(busy.PollSend());
            _port.Time.Advance(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, Syndrome(stopped.PollReceive()!.Value));
        Assert.Equal(Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, Syndrome(stopped.PollReceive()!.Value));
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Theory]
    [InlineData(false, 0xF0)]
    [InlineData(true, 0)]
    public void A_padded_completion_of_128_bytes_is_written_whole(bool pads, byte before)
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup { CompletionBytes = 128, Pads = pads });
        program.Flow("02:00:00:00:00:02");
        program.Post(1);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:02"));
        Assert.Equal(before, *((byte*)program.Completion(0) - 64));
        Assert.Equal(before, *((byte*)program.Completion(0) - 1));
        Assert.Single(program.TakeAll());
    }

    [Fact]
    public void Time_stamps_count_the_ticks_of_the_clock_that_the_device_tells()
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup());
        program.Flow("02:00:00:00:00:02");
        program.Post(2);
        _port.FromWire(TestPort.Frame("02:00:00:00:00:02"));
        _port.Time.Advance(TimeSpan.FromMilliseconds(1));
        _port.FromWire(TestPort.Frame("02:00:00:00:00:02"));
        ulong[] stamps = [.. program.TakeAll().Select(received => received.Completion.timestamp.Value)];
        Assert.Equal(DeviceClock.Kilohertz, (uint)(stamps[1] - stamps[0]));
    }

    private static ushort Sum(ReadOnlySpan<byte> packet)
    {
        uint sum = 0;
        for (int i = 0; i < packet.Length; i++)
        {
            sum += (uint)(i % 2 == 0 ? packet[i] << 8 : packet[i]);
        }

        return (ushort)(sum = (sum & 0xFFFF) + (sum >> 16)) is var folded && sum > 0xFFFF ? (ushort)(folded + 1) : folded;
    }

    private static byte Syndrome(mlx5_cqe64 completion) => (*(mlx5_err_cqe*)&completion).syndrome;
}
