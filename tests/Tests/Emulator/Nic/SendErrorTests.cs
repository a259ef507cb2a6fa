using System.Buffers.Binary;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>What bad send WQEs earn, what happens to those behind them, and how a queue comes back.</summary>
public sealed unsafe class SendErrorTests : IDisposable
{
    private const byte Bad = Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    private const byte Protection = Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
    private const byte Length = Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    private const byte Flushed = Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR;

    private readonly TestPort _port = new(model: NicModel.ConnectX5 with { MaxSendWqeBytes = 256 });
    private readonly TestProgram _program;

    public SendErrorTests() => _program = new TestProgram(_port.Nic, sendBlocks: 32);

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Theory]
    [InlineData(Mlx5Wqe.MLX5_OPCODE_NOP + 1)]
    [InlineData(0x0B)] // SEND with immediate
    [InlineData(0x0F)] // WAIT
    [InlineData(0x25)] // UMR
    [InlineData(0x0100_0000u | Mlx5Wqe.MLX5_OPCODE_SEND)]
    public void An_opcode_that_ethernet_does_not_know_is_a_bad_wqe(uint opcode) =>
        AssertFails(_program.WriteWqe(opcode, [.. SendSegments.Ethernet([]), .. _program.Pointer(0, 64)]), Bad);

    [Fact]
    public void An_index_that_is_not_the_blocks_is_a_bad_wqe()
    {
        ushort bad = WriteGood();
        _program.SendControl(bad)->opmod_idx_opcode = (3u << 8) | Mlx5Wqe.MLX5_OPCODE_SEND;
        AssertFails(bad, Bad);
    }

    [Fact]
    public void The_number_of_another_queue_is_a_bad_wqe()
    {
        ushort bad = WriteGood();
        _program.SendControl(bad)->qpn_ds = _program.SendControl(bad)->qpn_ds.Value + 0x100;
        AssertFails(bad, Bad);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)] // more than was rung for
    public void A_length_that_can_not_be_is_a_bad_wqe(uint units)
    {
        ushort bad = WriteGood();
        _program.SendControl(bad)->qpn_ds = (_program.Pair.Number << 8) | units;
        AssertFails(bad, Bad);
    }

    [Theory]
    [InlineData("a key that is none", Protection)]
    [InlineData("beyond the region", Protection)]
    [InlineData("before the region", Protection)]
    [InlineData("inline data beyond the wqe", Bad)]
    [InlineData("no bytes", Bad)]
    [InlineData("13 bytes", Bad)]
    [InlineData("longer than any frame", Length)]
    [InlineData("longer than any wqe", Length)]
    public void Data_that_can_not_be_sent_has_its_syndrome(string fault, byte syndrome)
    {
        byte[] segments = fault switch
        {
            "a key that is none" => _program.Pointer(0, 64, lkey: _program.Memory.Lkey ^ 1),
            "beyond the region" => _program.Pointer(0, 64, offset: (TestProgram.Entries * 2 * TestProgram.BufferBytes) - 63),
            "before the region" => _program.Pointer(0, 64, offset: -1),
            "inline data beyond the wqe" => InlineBeyondTheWqe(),
            "no bytes" => [],
            "13 bytes" => _program.Pointer(0, 13),
            "longer than any frame" => [.. _program.Pointer(0, 16_000), .. _program.Pointer(0, 400)],
            _ => [.. Enumerable.Repeat(_program.Pointer(0, 64), 15).SelectMany(s => s)],
        };
        AssertFails(_program.WriteSend([], segments), syndrome);
    }

    [Fact]
    public void An_inline_header_beyond_the_wqe_is_a_bad_wqe()
    {
        ushort bad = WriteGood();
        ((mlx5_wqe_eth_seg*)(_program.SendControl(bad) + 1))->inline_hdr_sz = 19;
        AssertFails(bad, Bad);
    }

    [Fact]
    public void Memory_of_another_protection_domain_has_its_syndrome()
    {
        MemoryRegion foreign = _port.Nic.RegisterMemory(TestProgram.Pd + 1, (ulong)_program.Buffers, 4096, (ulong)_program.Buffers, MrAccess.LocalWrite);
        AssertFails(_program.WriteSend([], _program.Pointer(0, 64, foreign.Lkey)), Protection);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_first_error_is_reported_however_it_was_to_complete(byte mode)
    {
        _program.Ring(WriteBad(mode));
        AssertReports((0, Protection));
    }

    [Fact]
    public void Behind_an_error_every_wqe_is_flushed_but_those_that_complete_on_the_first_error_only()
    {
        WriteBad(1);
        WriteGood(0);
        WriteGood(1);
        _program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_NOP, [], 2);
        _program.Ring(WriteGood(3));
        AssertReports((0, Protection), (1, Flushed), (3, Flushed), (4, Flushed));
        Assert.Empty(_port.Far.Received);

        _program.Ring(WriteGood(2)); // what is posted later too
        AssertReports((5, Flushed));
    }

    [Fact]
    public void A_bad_wqe_of_a_length_that_can_be_does_not_hide_those_behind_it()
    {
        _program.WriteWqe(0x3F, [.. SendSegments.Ethernet([]), .. new byte[48]]);
        _program.Ring(WriteGood(2));
        AssertReports((0, Bad), (2, Flushed));
    }

    [Fact]
    public void In_a_queue_that_the_program_puts_into_error_the_first_wqe_is_flushed_in_any_mode()
    {
        _port.Nic.Modify(_program.Pair, QueuePairState.Error);
        WriteGood(1);
        WriteGood(1);
        _program.Ring(WriteGood(2));
        AssertReports((0, Flushed), (2, Flushed));
    }

    [Fact]
    public void Before_ready_to_send_a_doorbell_is_not_heard()
    {
        _port.Nic.Modify(_program.Pair, QueuePairState.Reset);
        _port.Nic.Modify(_program.Pair, QueuePairState.Init);
        _port.Nic.Modify(_program.Pair, QueuePairState.ReadyToReceive);
        _program.Ring(WriteGood());
        _port.Run();
        Assert.Empty(_port.Far.Received);
        Assert.Null(_program.PollSend());
    }

    [Fact]
    public void A_queue_that_was_reset_sends_again()
    {
        for (int i = 0; i < 3; i++)
        {
            _port.Far.Received.Clear();
            WriteGood(0);
            WriteBad(2);
            _program.Ring(WriteGood(2));
            _port.Run();
            Assert.Equal(QueuePairState.Error, _program.Pair.State);
            AssertReports((1, Protection), (2, Flushed));
            _program.ResetSend();
            Assert.Equal(QueuePairState.ReadyToSend, _program.Pair.State);
            _program.Ring(WriteGood(2));
            AssertReports((0, 0));
            Assert.Equal(2, _port.Far.Received.Count);
            _program.ResetSend();
        }

        Assert.Equal(0, _program.Fatal);
    }

    [Fact]
    public void A_completion_queue_that_overruns_stops_the_queue_and_says_so_once()
    {
        for (int i = 0; i < TestProgram.Entries * 2 + 5; i++)
        {
            _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_NOP, []));
            _port.Run();
        }

        Assert.Equal(QueuePairState.Error, _program.Pair.State);
        Assert.Equal((1, 1), (_program.Overruns, _program.Fatal));
    }

    private ushort WriteGood(byte completion = 2) => _program.WriteSend([], _program.Pointer(0, 64), completion);

    private ushort WriteBad(byte completion) => _program.WriteSend([], _program.Pointer(0, 64, lkey: 0), completion);

    private static byte[] InlineBeyondTheWqe()
    {
        byte[] segment = TestProgram.Inline(new byte[28]);
        BinaryPrimitives.WriteUInt32BigEndian(segment, Mlx5Wqe.MLX5_INLINE_SEG | 29);
        return segment;
    }

    /// <summary>Rings for a good WQE behind the bad one.</summary>
    private void AssertFails(ushort bad, byte syndrome)
    {
        _program.Ring(WriteGood(1));
        _port.Run();
        mlx5_cqe64 completion = _program.PollSend()!.Value;
        var error = *(mlx5_err_cqe*)&completion;
        Assert.Equal((Mlx5Cqe.MLX5_CQE_REQ_ERR, syndrome, bad), ((byte)(error.op_own >> 4), error.syndrome, error.wqe_counter.Value));
        Assert.Equal(QueuePairState.Error, _program.Pair.State);
        Assert.Empty(_port.Far.Received);
    }

    /// <summary>Lets the NIC work and expects these completions, by index and syndrome, and no other.</summary>
    private void AssertReports(params (ushort Index, byte Syndrome)[] expected)
    {
        _port.Run();
        List<(ushort, byte)> reports = [];
        while (_program.PollSend() is { } completion)
        {
            var error = *(mlx5_err_cqe*)&completion;
            bool isError = error.op_own >> 4 == Mlx5Cqe.MLX5_CQE_REQ_ERR;
            reports.Add((error.wqe_counter, isError ? error.syndrome : (byte)0));
        }

        Assert.Equal(expected, reports);
    }
}
