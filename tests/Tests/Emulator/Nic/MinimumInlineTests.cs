using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>A ConnectX-4 steers by what a WQE holds inline, and drops a frame that has too little of it.</summary>
public sealed class MinimumInlineTests : IDisposable
{
    private readonly TestPort _port = new(model: NicModel.ConnectX4);
    private readonly TestProgram _program;

    public MinimumInlineTests() => _program = new TestProgram(_port.Nic);

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Theory]
    [InlineData(0, 64, false)]
    [InlineData(17, 64, false)]
    [InlineData(18, 64, true)]
    [InlineData(40, 64, true)]
    [InlineData(16, 16, true)] // the whole frame
    public void A_frame_is_sent_if_18_bytes_of_it_or_all_are_inline(int inlineBytes, int frameBytes, bool isSent)
    {
        byte[] frame = TestPort.Frame("02:00:00:00:00:05", length: 64)[..frameBytes];
        frame.CopyTo(_program.Buffer(0));
        byte[] rest = inlineBytes == frameBytes ? [] : _program.Pointer(0, frameBytes - inlineBytes, offset: inlineBytes);
        _program.Ring(_program.WriteSend(frame.AsSpan(0, inlineBytes), rest));
        _port.Run();
        Assert.Equal(isSent ? 1 : 0, _port.Far.Received.Count);
        Assert.Equal(isSent ? 0UL : 1UL, _port[PortCounter.TxInlineTooShort]);
        Assert.Equal(1UL, _port[PortCounter.QueueSent]);
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, _program.PollSend()!.Value.op_own >> 4);
    }

    [Fact]
    public void An_empty_data_segment_behind_a_frame_that_is_all_inline_is_no_matter()
    {
        _program.Ring(_program.WriteSend(TestPort.Frame("02:00:00:00:00:05").AsSpan(0, 16), new byte[16]));
        _port.Run();
        Assert.Single(_port.Far.Received);
    }

    [Fact]
    public void Inline_data_does_not_make_up_for_the_header()
    {
        _program.Ring(_program.WriteSend([], TestProgram.Inline(TestPort.Frame("02:00:00:00:00:05"))));
        _port.Run();
        Assert.Empty(_port.Far.Received);
    }

    [Fact]
    public void It_takes_no_multi_packet_wqes()
    {
        _program.Ring(_program.WriteWqe(Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW,
            [.. SendSegments.Ethernet([]), .. TestProgram.Inline(TestPort.Frame("02:00:00:00:00:05"))]));
        _port.Run();
        Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ_ERR, _program.PollSend()!.Value.op_own >> 4);
        Assert.Empty(_port.Far.Received);
    }
}
