using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Compressed completions say what plain ones say, whatever the NIC makes sessions of.</summary>
public sealed unsafe class CompressionTests
{
    private const string Mac = "02:00:00:00:00:01";
    private static readonly StridingParameters s_striding = new(StrideBytesLog2: 6, StridesLog2: 4, TwoByteShift: false);

    /// <summary>Frames of which many in a row look alike, so that there are sessions, and some do not, so that they end.</summary>
    private static readonly Gen<byte[]> s_frame = Gen.Select(Gen.Frequency((8, Gen.Const(0)), (1, Gen.Int[1, 7])), Gen.Int[0, 255], Gen.Int[60, 300])
        .Select((kind, identity, length) => MixedFrames.Make(kind, Mac, identity, length));

    /// <summary>What happens next: WQEs are posted, frames come, the program looks for completions.</summary>
    private static readonly Gen<(int Posted, byte[][] Frames)> s_turn = Gen.Select(Gen.Int[0, 12], s_frame.Array[0, 20]);

    public static TheoryData<CqeCompressionFormat, CqeCompressionPolicy, int, bool> Modes()
    {
        var modes = new TheoryData<CqeCompressionFormat, CqeCompressionPolicy, int, bool>();
        foreach (CqeCompressionFormat format in new[] { CqeCompressionFormat.Hash, CqeCompressionFormat.Checksum, CqeCompressionFormat.ChecksumStrideIndex })
        {
            foreach (CqeCompressionPolicy policy in Enum.GetValues<CqeCompressionPolicy>())
            {
                modes.Add(format, policy, 64, policy == CqeCompressionPolicy.Random);
                modes.Add(format, policy, 128, policy != CqeCompressionPolicy.Random);
            }
        }

        return modes;
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_queue_with_compression_tells_what_its_twin_without_tells(CqeCompressionFormat format, CqeCompressionPolicy policy, int bytes, bool isStriding)
    {
        int compressed = 0;
        Gen.Select(s_turn.Array[1, 30], Gen.Int[3, 7], Gen.Int).Sample((turns, log2, seed) =>
        {
            using TestPort port = new(behaviour: new NicBehaviour { CqeCompression = policy, CqeCompressionSeed = seed, CqeSessionsWrap = seed < 0 });
            ReceiveSetup plain = new()
            {
                Entries = isStriding ? 4 : 1 << log2,
                Completions = isStriding ? 64 : 1 << log2,
                CompletionBytes = bytes,
                Segments = isStriding ? [512, 512] : [2048],
                Striding = isStriding ? s_striding : null,
            };
            using ReceiveProgram one = new(port.Nic, plain with { Compression = format });
            using ReceiveProgram twin = new(port.Nic, plain);
            one.Flow(Mac);
            twin.Flow(Mac);
            int free = plain.Entries;
            foreach ((int posted, byte[][] frames) in turns)
            {
                int count = Math.Min(posted, free);
                free -= count;
                one.Post(count);
                twin.Post(count);
                port.FromWire(frames);
                port.Time.Advance(TimeSpan.FromMilliseconds(1));
                port.Run();
                List<Received> taken = one.TakeAll();
                List<Received> expected = twin.TakeAll();
                Assert.Equal(expected.Select(received => Told(received, format)), taken.Select(received => Told(received, format)), StringComparer.Ordinal);
                compressed += taken.Count(received => received.IsCompressed);
                free += isStriding ? twin.FinishedEntries(expected) : expected.Count;
            }

            Assert.Empty(port.Nic.Conformance.Violations);
        }, iter: 30);
        Assert.Equal(policy != CqeCompressionPolicy.Never, compressed > 0);
    }

    /// <summary>All that the format lets a program know.</summary>
    private static string Told(Received received, CqeCompressionFormat format)
    {
        mlx5_cqe64 completion = received.Completion;
        string special = format == CqeCompressionFormat.Hash
            ? $"hash {completion.rx_hash_result}"
            : $"sum {completion.check_sum}";
        return $"{received.Opcode} {completion.byte_cnt} {completion.wqe_counter} {completion.wqe_id} {special} type {completion.rx_hash_type:x} "
            + $"ok {completion.hds_ip_ext:x} {completion.l4_hdr_type_etc:x} vlan {completion.vlan_info} user {completion.srqn_uidx} "
            + $"tag {completion.sop_drop_qpn} {Convert.ToHexString(received.Data)}";
    }

    [Fact]
    public void A_session_ends_with_the_ring()
    {
        using TestPort port = new();
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Entries = 16, Completions = 16, Compression = CqeCompressionFormat.Hash });
        program.Flow(Mac);
        program.Post(16);
        port.FromWire(Enumerable.Range(0, 13).Select(Frame));
        Assert.Equal(13, program.TakeAll().Count);
        program.Post(13);
        port.FromWire(Enumerable.Range(0, 9).Select(Frame));
        Assert.Equal(3u, program.Completion(13)->byte_cnt.Value);
        Assert.Equal(6u, program.Completion(0)->byte_cnt.Value);
        Assert.Equal(9, program.TakeAll().Count);
        Assert.Empty(port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_session_that_may_wrap_goes_on_in_the_first_entry_and_leaves_the_others_as_they_are()
    {
        using TestPort port = new(behaviour: new NicBehaviour { CqeSessionsWrap = true });
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Entries = 16, Completions = 16, Compression = CqeCompressionFormat.Hash });
        program.Flow(Mac);
        program.Post(16);
        for (int i = 0; i < 15; i++)
        {
            port.FromWire(Frame(0));
        }

        Assert.Equal(15, program.TakeAll().Count);
        program.Post(15);
        mlx5_cqe64 hole = *program.Completion(2);
        port.FromWire(Enumerable.Range(0, 9).Select(Frame));

        mlx5_cqe64* title = program.Completion(15);
        Assert.Equal((2 << 4) | (3 << 2), title->op_own);
        Assert.Equal((9u, (ushort)15), (title->byte_cnt.Value, title->wqe_counter.Value));
        Assert.Equal(hole, *program.Completion(2));
        Assert.Equal(60u, ((Be32*)program.Completion(7))[1].Value); // mini 8, in entry 8 of the session
        Assert.Equal([.. Enumerable.Range(0, 9).Select(i => Frame(i))], program.TakeAll().Select(received => received.Data));
        Assert.Empty(port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_session_has_64_completions_at_most()
    {
        using TestPort port = new(behaviour: new NicBehaviour { CqeCompression = CqeCompressionPolicy.Aggressive });
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Entries = 128, Completions = 128, Compression = CqeCompressionFormat.Hash });
        program.Flow(Mac);
        program.Post(128);
        port.FromWire(Enumerable.Range(0, 100).Select(Frame));
        Assert.Equal(64u, program.Completion(0)->byte_cnt.Value);
        Assert.Equal(64, program.TakeAll().Count); // the others are held back
        port.Time.Advance(TimeSpan.FromMilliseconds(1));
        port.Run();
        Assert.Equal(36u, program.Completion(64)->byte_cnt.Value);
        Assert.Equal(36, program.TakeAll().Count);
    }

    [Fact]
    public void A_queue_that_begins_anew_begins_a_session_anew()
    {
        using TestPort port = new(behaviour: new NicBehaviour { CqeCompression = CqeCompressionPolicy.Aggressive });
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Compression = CqeCompressionFormat.Hash });
        program.Flow(Mac);
        for (int i = 0; i < 2; i++)
        {
            program.Post(3);
            port.FromWire(Frame(0), Frame(1), Frame(2));
            program.Reset(); // before what the NIC holds back is due
        }

        port.Time.Advance(TimeSpan.FromMilliseconds(1));
        port.Run();
        Assert.Equal([0, 1, 2, 0, 1, 2], program.TakeAll().Select(received => (int)received.Completion.wqe_counter.Value));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_held_back_is_there_before_its_queue_begins_anew_or_goes(bool goes)
    {
        using TestPort port = new(behaviour: new NicBehaviour { CqeCompression = CqeCompressionPolicy.Aggressive });
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Compression = CqeCompressionFormat.Hash });
        FlowRule flow = program.Flow(Mac);
        program.Post(3);
        port.FromWire(Frame(0), Frame(1), Frame(2));
        Assert.Empty(program.TakeAll());
        if (goes)
        {
            port.Nic.RemoveFlow(flow);
            port.Nic.Destroy(program.Queue);
        }
        else
        {
            port.Nic.Modify(program.Queue, QueueState.Reset);
        }

        Assert.Equal(3, program.TakeAll().Count);
        port.Time.Advance(TimeSpan.FromMilliseconds(1));
        port.Run();
        Assert.Empty(program.TakeAll());
    }

    [Fact]
    public void An_error_is_never_compressed_and_ends_the_session_before_it()
    {
        using TestPort port = new();
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Compression = CqeCompressionFormat.Hash, Segments = [100] });
        program.Flow(Mac);
        program.Post(8);
        port.FromWire(Frame(0), Frame(1), MixedFrames.Make(0, Mac, 2, 101), Frame(3), Frame(4), Frame(5));
        List<Received> taken = program.TakeAll();
        Assert.Equal([2, 2, 14, 2, 2, 2], taken.Select(received => received.Opcode));
        Assert.Equal([true, true, false, true, true, true], taken.Select(received => received.IsCompressed));
        Assert.Equal([0, 1, 2, 3, 4, 5], taken.Select(received => (int)received.Completion.wqe_counter.Value));
    }

    [Fact]
    public void A_program_that_leaves_compressed_entries_valid_sees_ghosts_and_is_reported()
    {
        using TestPort port = new();
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Compression = CqeCompressionFormat.Checksum, Completions = 8 });
        program.Reader.Invalidates = false;
        program.Flow(Mac);
        for (int lap = 0; lap < 3 && port.Nic.Conformance.Violations.Count == 0; lap++)
        {
            program.Post(8);
            port.FromWire(lap == 0 ? [] : [Frame(0)]);
            for (int i = 0; i < 8; i++)
            {
                port.FromWire(Frame(0)); // plain ones fill all entries, and
            }

            program.TakeAll();
            program.Post(8);
            port.FromWire(Enumerable.Repeat(Frame(0), 7)); // compressed ones leave most of them standing
            program.TakeAll();
        }

        Assert.Contains(port.Nic.Conformance.Violations, violation => violation.Contains("made invalid", StringComparison.Ordinal));
    }

    [Fact]
    public void One_event_announces_a_session_when_it_can_be_read()
    {
        using TestPort port = new(behaviour: new NicBehaviour { CqeCompression = CqeCompressionPolicy.Aggressive });
        using ReceiveProgram program = new(port.Nic, new ReceiveSetup { Compression = CqeCompressionFormat.Hash });
        program.Flow(Mac);
        program.Post(8);
        program.Arm(0);
        port.FromWire(Frame(0), Frame(1));
        Assert.Equal(0, program.Events);
        port.Time.Advance(TimeSpan.FromMilliseconds(1));
        port.Run();
        Assert.Equal((1, 2), (program.Events, program.TakeAll().Count));
    }

    private static byte[] Frame(int identity) => MixedFrames.Make(0, Mac, identity, 60);
}
