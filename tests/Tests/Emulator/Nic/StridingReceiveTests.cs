using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Receive queues whose WQEs hold several frames.</summary>
public sealed unsafe class StridingReceiveTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";
    private readonly TestPort _port = new();

    public void Dispose() => _port.Dispose();

    [Fact]
    public void Frames_lie_in_consecutive_strides_of_one_wqe()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false));
        program.Post(1);
        byte[][] frames = [Frame(60), Frame(65), Frame(192)];
        _port.FromWire(frames);
        List<Received> taken = program.TakeAll();
        Assert.Equal([(0, 0, 1, 60), (0, 1, 2, 65), (0, 3, 3, 192)], taken.Select(Place));
        Assert.Equal(frames, taken.Select(received => received.Data));
    }

    [Fact]
    public void A_frame_that_the_rest_of_a_wqe_does_not_hold_begins_in_the_next_after_a_filler()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false));
        program.Post(2);
        byte[] large = Frame(300);
        _port.FromWire(Frame(300), large);
        List<Received> taken = program.TakeAll();
        Assert.Equal([(0, 0, 5, 300), (0, 5, 3, 0), (1, 0, 5, 300)], taken.Select(Place));
        Assert.Equal([false, true, false], taken.Select(received => received.IsFiller));
        Assert.Equal(large, taken[2].Data);
        Assert.Equal(2UL, _port[PortCounter.QueueReceived]);
    }

    [Fact]
    public void The_filler_comes_though_there_is_no_next_wqe_so_that_the_program_can_post_this_one_again()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false));
        program.Post(1);
        _port.FromWire(Frame(300), Frame(300));
        Assert.Equal([(0, 0, 5, 300), (0, 5, 3, 0)], program.TakeAll().Select(Place));
        Assert.Equal(1UL, _port[PortCounter.OutOfBuffer]);
        program.Post(1);
        _port.FromWire(Frame(300));
        Assert.Equal([(1, 0, 5, 300)], program.TakeAll().Select(Place));
    }

    [Fact]
    public void With_the_two_byte_shift_a_frame_begins_two_bytes_behind_its_stride_and_takes_as_much_more()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: true));
        program.Post(1);
        byte[][] frames = [Frame(60), Frame(61)];
        _port.FromWire(frames);
        List<Received> taken = program.TakeAll();
        Assert.Equal([(0, 0, 1, 60), (0, 1, 2, 61)], taken.Select(Place));
        Assert.Equal(frames, taken.Select(received => received.Data));
        Assert.Equal(frames[1], program.Buffer(0).Slice(66, 61).ToArray());
    }

    [Theory]
    [InlineData(new[] { 512 })]
    [InlineData(new[] { 64, 64, 64, 64, 64, 64, 64, 64 })]
    [InlineData(new[] { 100, 412 })]
    public void A_wqe_may_have_a_segment_for_all_strides_or_one_for_each_or_any_others(int[] segments)
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false), segments);
        program.Post(2);
        byte[][] frames = [Frame(90), Frame(200), Frame(128), Frame(500)];
        _port.FromWire(frames);
        Assert.Equal(frames, program.TakeAll().Where(received => !received.IsFiller).Select(received => received.Data));
    }

    [Fact]
    public void A_frame_longer_than_all_strides_is_an_error_that_takes_them_all_and_the_queue_goes_on()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false));
        program.Post(3);
        _port.FromWire(Frame(60), Frame(513), Frame(60));
        List<Received> taken = program.TakeAll();
        Assert.Equal([2, 2, 14, 2], taken.Select(received => received.Opcode));
        Assert.Equal([(0, 0, 1, 60), (0, 1, 7, 0), (1, 0, 8, 0), (2, 0, 1, 60)], taken.Select(Place));
        Assert.Equal(1UL, _port[PortCounter.RxTooLong]);
    }

    [Fact]
    public void A_bad_address_stops_the_queue_and_the_rest_of_every_wqe_is_flushed()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 3, TwoByteShift: false));
        program.Post(3);
        program.Segment(1, 0)->lkey = program.Memory.Lkey + 0x100;
        _port.FromWire(Frame(512), Frame(100));
        Assert.Equal([(0, 0, 8, 512), (1, 0, 2, 0), (1, 2, 6, 0), (2, 0, 8, 0)], program.TakeAll().Select(Place));
        Assert.Equal((QueueState.Error, 1), (program.Queue.State, program.Fatal));
    }

    [Fact]
    public void A_wqe_of_65536_strides_is_flushed_by_one_completion()
    {
        using ReceiveProgram program = Start(new StridingParameters(6, 16, TwoByteShift: false), [1 << 22]);
        program.Post(2);
        _port.Nic.Modify(program.Queue, QueueState.Error);
        Assert.Equal([(0, 0), (1, 0)], program.TakeAll().Select(received => (Place(received).Entry, Place(received).Stride)));
    }

    [Fact]
    public void Every_frame_is_where_its_completion_says_and_every_stride_is_accounted_for() =>
        Gen.Select(Gen.Int[60, 700].Array[1, 25].Array[1, 12], Gen.Int[6, 9], Gen.Int[3, 5], Gen.Bool).Sample((turns, bytesLog2, stridesLog2, shift) =>
        {
            using TestPort port = new();
            StridingParameters striding = new(bytesLog2, stridesLog2, shift);
            using ReceiveProgram program = new(port.Nic, new ReceiveSetup
            {
                Entries = 4,
                Completions = 4 << stridesLog2,
                Segments = [1 << (bytesLog2 + stridesLog2)],
                Striding = striding,
            });
            program.Flow(Mac);
            program.Post(4);
            int stride = 0;
            foreach (int[] lengths in turns)
            {
                byte[][] frames = [.. lengths.Select((length, i) => MixedFrames.Make(3, Mac, i, length))];
                ulong dropped = port[PortCounter.OutOfBuffer];
                ulong tooLong = port[PortCounter.RxTooLong];
                port.FromWire(frames);
                List<Received> taken = program.TakeAll();
                foreach (Received received in taken)
                {
                    Assert.Equal(stride % (1 << stridesLog2), received.Completion.wqe_counter);
                    Assert.Equal(stride >> stridesLog2, received.Completion.wqe_id.Value);
                    stride += (int)StridingByteCount.Strides(received.Completion.byte_cnt);
                }

                byte[][] whole = [.. taken.Where(received => received.Data.Length > 0).Select(received => received.Data)];
                Assert.Equal((ulong)(frames.Length - whole.Length), port[PortCounter.OutOfBuffer] - dropped + port[PortCounter.RxTooLong] - tooLong);
                Assert.Equal(whole, InOrder(frames, whole));
                program.Post(program.FinishedEntries(taken));
            }

            Assert.Empty(port.Nic.Conformance.Violations);
        }, iter: 60);

    /// <summary>Those of <paramref name="sent"/> that are equal to the received ones, one after the other.</summary>
    private static IEnumerable<byte[]> InOrder(byte[][] sent, byte[][] received)
    {
        int at = 0;
        foreach (byte[] frame in sent)
        {
            if (at < received.Length && frame.AsSpan().SequenceEqual(received[at]))
            {
                at++;
                yield return frame;
            }
        }
    }

    private ReceiveProgram Start(StridingParameters striding, int[]? segments = null)
    {
        ReceiveProgram program = new(_port.Nic, new ReceiveSetup { Entries = 4, Completions = 128, Segments = segments ?? [512], Striding = striding });
        program.Flow(Mac);
        return program;
    }

    private static (int Entry, int Stride, int Strides, int Bytes) Place(Received received)
    {
        mlx5_cqe64 completion = received.Completion;
        return (completion.wqe_id, completion.wqe_counter, (int)StridingByteCount.Strides(completion.byte_cnt), (ushort)completion.byte_cnt.Value);
    }

    private static byte[] Frame(int length) => MixedFrames.Make(3, Mac, length, length);
}
