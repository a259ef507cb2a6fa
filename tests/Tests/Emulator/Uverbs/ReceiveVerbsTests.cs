using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using Verbena.Tests.Emulator.Nic;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>Receive and completion queues that the real libibverbs and libmlx5 make and use.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class ReceiveVerbsTests : IDisposable
{
    private const string Mac = SteeredWorkQueue.Mac;
    private const ulong AllExtended = (1 << 0) | (1 << 2) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 11); // IBV_WC_EX_WITH_*: length, QP, times, VLAN, tag
    private const uint StripVlan = 1;  // IBV_WQ_FLAGS_CVLAN_STRIPPING
    private const uint ScatterFcs = 2; // IBV_WQ_FLAGS_SCATTER_FCS

    private static readonly int[] s_lengths = [100, 300, 1000, 256, 257, 700, 60];

    private readonly ManualTime _time = new();
    private readonly string _near = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";
    private readonly EmulatedNics _nics;
    private readonly VerbsProgram _sender;
    private readonly VerbsProgram _program;

    public ReceiveVerbsTests()
    {
        string far = _near[..^1] + "b";
        _time.Advance(TimeSpan.FromDays(3)); // the clock of a machine that has run for a while
        _nics = EmulatedNics.Attach([new NicOptions(far) { Wire = new CableOptions(_near) }, new NicOptions(_near)], NullLogger.Instance, stepped: true, _time);
        _nics.Step();
        _sender = VerbsProgram.Start(0);
        Assert.Equal(0, _sender.MoveToReadyToSend());
        _program = VerbsProgram.Start(1);
    }

    private NicDevice Nic => _nics.Devices[_near];

    public void Dispose()
    {
        _sender.Dispose();
        _program.Dispose();
        string[] violations = [.. Nic.Conformance.Violations];
        _nics.Dispose();
        Assert.Empty(violations);
    }

    [Fact]
    public void An_extended_completion_tells_time_tag_and_stripped_VLAN()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, read: AllExtended));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8, flags: StripVlan), tag: 0x123456);
        byte[] tagged = MixedFrames.Make(4, Mac, 9, 100);
        byte[] plain = MixedFrames.Make(0, Mac, 9, 100);
        queue.Post(0, 1, 2);
        Send(tagged);
        _time.Advance(TimeSpan.FromSeconds(1));
        Send(plain);
        Assert.Equal(0, CVerbs.StripVlan(queue.Wq, 0));
        Send(tagged);

        CVerbs.Wc* wc = stackalloc CVerbs.Wc[4];
        Assert.Equal(3, CVerbs.Poll(cq, wc, 4));
        Assert.Equal((100u, 0x2009u, 0x123456u), (wc[0].Length, wc[0].Vlan, wc[0].Tag));
        Assert.Equal((100u, 0u, 0x123456u), (wc[1].Length, wc[1].Vlan, wc[1].Tag));
        Assert.Equal((104u, 0u), (wc[2].Length, wc[2].Vlan));
        Assert.Equal(1_000_000 * (ulong)DeviceClock.Kilohertz / 1000, wc[1].Ticks - wc[0].Ticks);
        Assert.InRange((long)(wc[1].Nanoseconds - wc[0].Nanoseconds), 999_999_980, 1_000_000_020);
        Assert.Equal(plain, SteeredWorkQueue.Frame(wc[0].WrId, 100));
        Assert.Equal(tagged, SteeredWorkQueue.Frame(wc[2].WrId, 104));
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void A_work_queue_that_scatters_the_FCS_gives_four_bytes_more()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, read: AllExtended));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8, flags: ScatterFcs));
        byte[] frame = MixedFrames.Make(0, Mac, 9, 100);
        queue.Post(0);
        Send(frame);
        CVerbs.Wc wc;
        Assert.Equal((1, 104u), (CVerbs.Poll(cq, &wc, 1), wc.Length));
        Assert.Equal([.. frame, .. BitConverter.GetBytes(Crc32(frame))], SteeredWorkQueue.Frame(wc.WrId, 104));
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void The_device_s_clock_can_be_read_and_becomes_the_time_of_day()
    {
        ulong first;
        ulong second;
        _nics.Step();
        Assert.Equal(0, CVerbs.ReadClock(_program.Context, &first));
        ulong at = CVerbs.NanosecondsAt(_program.Context, first);
        Assert.InRange((DateTime.UtcNow - DateTime.UnixEpoch.AddTicks((long)at / 100)).Duration(), TimeSpan.Zero, TimeSpan.FromHours(1));

        foreach (double seconds in (double[])[0.05, 3, 700])
        {
            _time.Advance(TimeSpan.FromSeconds(seconds));
            _nics.Step();
            Assert.Equal(0, CVerbs.ReadClock(_program.Context, &second));
            Assert.Equal((ulong)(seconds * 1000 * DeviceClock.Kilohertz), second - first);
            ulong now = CVerbs.NanosecondsAt(_program.Context, second);
            Assert.InRange((long)(now - at) - (long)(seconds * 1e9), -20, 20);
            (first, at) = (second, now);
        }

        Assert.Equal(DeviceClock.Kilohertz, CVerbs.CoreClock(_program.Context));
        Assert.Equal(100_000_000UL, CVerbs.ClockUpdate(_program.Context));
    }

    [Fact]
    public void Nobody_else_can_write_to_the_clock()
    {
        void* mapped = Libc.mmap(null, 4096, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, Nic.Clock.FileDescriptor, 0);
        Assert.Equal((-1, (int)Errno.EPERM), ((nint)mapped, Marshal.GetLastPInvokeError()));
    }

    [Fact]
    public void Striding_queues_are_made_within_the_range_that_the_device_tells()
    {
        uint* range = stackalloc uint[4];
        Assert.Equal(0, CVerbs.StridingRange(_program.Context, range));
        Assert.Equal((6u, 13u, 3u, 16u), (range[0], range[1], range[2], range[3]));
        Assert.True(CVerbs.CreateWq(_program.Pd, _program.Cq, 8, strideLog2: 14, stridesLog2: 4) == null, "the stride is too long");
        Assert.True(CVerbs.CreateWq(_program.Pd, _program.Cq, 8, strideLog2: 6, stridesLog2: 2) == null, "there are too few strides");
        ibv_wq* wq = VerbsProgram.Must(CVerbs.CreateWq(_program.Pd, _program.Cq, 8, strideLog2: 6, stridesLog2: 3));
        Assert.Equal(0, ibv_destroy_wq(wq));
    }

    [Theory]
    [InlineData(1, 64, false, 0)]
    [InlineData(2, 128, true, 0)]
    [InlineData(4, 64, false, 0)]
    [InlineData(3, 64, false, Errno.EINVAL)]  // two formats at once
    [InlineData(8, 64, false, Errno.EINVAL)]
    [InlineData(1, 96, false, Errno.EINVAL)]
    [InlineData(1, 64, true, Errno.EINVAL)]   // only 128 bytes are padded
    public void A_completion_queue_compresses_to_one_known_format(int format, int bytes, bool pads, Errno expected)
    {
        ibv_cq* cq = CVerbs.CreateCq(_program.Context, 15, format: format, bytes: bytes, pads: pads);
        Assert.Equal(expected, cq == null ? (Errno)Marshal.GetLastPInvokeError() : default);
        Assert.Equal(0, cq == null ? 0 : ibv_destroy_cq(cq));
    }

    [Theory]
    [InlineData(CqeCompressionFormat.Hash, 64)]
    [InlineData(CqeCompressionFormat.Checksum, 128)]
    public void What_libmlx5_posts_completes_compressed_in_the_ring_that_it_made(CqeCompressionFormat format, int bytes)
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, format: (int)format, bytes: bytes));
        CVerbs.Ring ring;
        Assert.Equal(0, CVerbs.RingOfCq(cq, &ring));
        var reader = new CompletionReader(ring.Memory, ring.Record, (int)ring.Entries, (int)ring.Bytes, format, isStriding: false);
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
        CVerbs.Ring posted;
        Assert.Equal(0, CVerbs.RingOfWq(queue.Wq, &posted));
        queue.Post(0, 1, 2, 3, 4, 5, 6, 7); // by libmlx5, and again by the program, to which the completion queue now belongs
        int compressed = 0;
        for (int lap = 0; lap < 10; lap++)
        {
            byte[][] frames = [.. Enumerable.Range(lap * 10, 7).Select(i => MixedFrames.Make(0, Mac, i, 80))];
            Send(frames);
            int at = 0;
            reader.TakeAll((completion, isCompressed) =>
            {
                Assert.Equal(frames[at++], SteeredWorkQueue.Frame((ulong)queue.Buffer(completion.wqe_counter % 8), (int)completion.byte_cnt.Value));
                compressed += isCompressed ? 1 : 0;
            });
            Assert.Equal(7, at);
            *posted.Record = (uint)(8 + (7 * (lap + 1)));
        }

        Assert.InRange(compressed, 60, 70); // what is left alone at the end of the ring is plain
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void A_striding_queue_of_libmlx5_whose_ring_the_program_fills_receives_several_frames_a_WQE()
    {
        const int StrideLog2 = 8;
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 63, format: (int)CqeCompressionFormat.ChecksumStrideIndex));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 4, strideLog2: StrideLog2, stridesLog2: 3));
        CVerbs.Ring completions;
        CVerbs.Ring entries;
        Assert.Equal((0, 0), (CVerbs.RingOfCq(cq, &completions), CVerbs.RingOfWq(queue.Wq, &entries)));
        Assert.Equal((4u, 32u), (entries.Entries, entries.Bytes));
        var reader = new CompletionReader(completions.Memory, completions.Record, 64, 64, CqeCompressionFormat.ChecksumStrideIndex, isStriding: true);
        for (int i = 0; i < 4; i++)
        {
            var segment = (mlx5_wqe_data_seg*)(entries.Memory + (i * 32) + 16);
            *segment = new mlx5_wqe_data_seg { byte_count = 2048, lkey = _program.Mr->lkey, addr = (ulong)(_program.Buffer + (i * 2048)) };
        }

        *entries.Record = 4u;
        byte[][] frames = [.. s_lengths.Select((length, i) => MixedFrames.Make(0, Mac, i, length))];
        Send(frames);
        var taken = new List<byte[]>();
        reader.TakeAll((completion, _) =>
        {
            if ((completion.byte_cnt & StridingByteCount.Filler) == 0)
            {
                int offset = (completion.wqe_id * 2048) + (completion.wqe_counter << StrideLog2);
                taken.Add(new ReadOnlySpan<byte>(_program.Buffer + offset, (ushort)completion.byte_cnt.Value).ToArray());
            }
        });
        Assert.Equal(frames, taken);
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    public void A_completion_queue_is_resized_under_traffic_and_loses_nothing(int bytes) =>
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 8], Gen.Int[7, 60]).Array[1, 15].Sample(turns =>
        {
            ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, bytes: bytes));
            using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
            int received = 0;
            int sent = 0;
            queue.Post(0, 1, 2, 3, 4, 5, 6, 7);
            foreach ((int frames, int polled, int entries) in turns)
            {
                byte[][] batch = [.. Enumerable.Range(sent, Math.Min(frames, 8 - (sent - received))).Select(i => MixedFrames.Make(3, Mac, i % 256, 100))];
                sent += batch.Length;
                Send(batch);
                int ring = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)entries + 1);
                bool fits = ring == cq->cqe + 1 || (sent - received <= cq->cqe && sent - received <= ring); // one entry more says where it goes on
                Assert.Equal(fits ? 0 : (int)Errno.EINVAL, CVerbs.Resize(cq, entries));
                received += Poll(queue, cq, received, polled);
            }

            received += Poll(queue, cq, received, 100);
            Assert.Equal(sent, received);
            queue.Dispose();
            Assert.Equal(0, ibv_destroy_cq(cq));
        }, iter: 20, threads: 1);

    [Fact]
    public void A_resized_completion_queue_holds_as_many_completions_as_any_of_its_size()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
        Assert.Equal(0, CVerbs.Resize(cq, 7));
        queue.Post(0, 1, 2, 3, 4, 5, 6, 7);
        Send([.. Enumerable.Range(0, 8).Select(i => MixedFrames.Make(3, Mac, i, 100))]);
        Assert.Equal(8, Poll(queue, cq, 0, 100));
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void A_completion_queue_does_not_shrink_below_what_it_holds()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
        queue.Post(0, 1, 2, 3, 4, 5, 6, 7);
        Send([.. Enumerable.Range(0, 8).Select(i => MixedFrames.Make(3, Mac, i, 100))]);
        Assert.Equal(0, CVerbs.Resize(cq, 7));
        Assert.Equal((int)Errno.EINVAL, CVerbs.Resize(cq, 3));
        Assert.Equal((int)Errno.EINVAL, CVerbs.Resize(cq, 15)); // in a full ring nothing can say that another follows
        Assert.Equal(8, Poll(queue, cq, 0, 100));
        Assert.Equal(0, CVerbs.Resize(cq, 3));
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void Moderation_is_accepted_within_its_range()
    {
        Assert.Equal(0, CVerbs.Moderate(_program.Cq, 65535, 4095));
        Assert.Equal((int)Errno.EINVAL, CVerbs.Moderate(_program.Cq, 1, 4096));
    }

    [Fact]
    public void A_program_that_does_not_poll_is_told_that_its_completion_queue_failed_and_so_did_the_queue_pair()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 3));
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
        queue.Post(0, 1, 2, 3, 4, 5, 6, 7);
        Send([.. Enumerable.Range(0, 6).Select(i => MixedFrames.Make(3, Mac, i, 100))]);

        ibv_async_event first = NextEvent();
        ibv_async_event second = NextEvent();
        Assert.Equal((ibv_event_type.IBV_EVENT_CQ_ERR, (nint)cq), (first.event_type, (nint)first.cq));
        Assert.Equal((ibv_event_type.IBV_EVENT_WQ_FATAL, (nint)queue.Wq), (second.event_type, (nint)second.wq));
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void A_program_whose_buffer_the_queue_pair_may_not_write_is_told_that_the_queue_pair_has_failed()
    {
        Assert.Equal(0, _program.MoveToReadyToSend());
        ibv_flow* flow = _program.CatchAll();
        var wrong = new ibv_sge { addr = (ulong)_program.Buffer, length = 2048, lkey = _program.Mr->lkey ^ 0x100 };
        var request = new ibv_recv_wr { wr_id = 7, sg_list = &wrong, num_sge = 1 };
        ibv_recv_wr* bad;
        Assert.Equal(0, ibv_post_recv(_program.Qp, &request, &bad));
        _program.PostReceive(0, 2048);
        Send(MixedFrames.Make(3, Mac, 0, 100));

        ibv_async_event fatal = NextEvent();
        Assert.Equal((ibv_event_type.IBV_EVENT_QP_FATAL, (nint)_program.Qp), (fatal.event_type, (nint)fatal.qp));
        Assert.True(_program.TryPoll(out ibv_wc first));
        Assert.True(_program.TryPoll(out ibv_wc second));
        Assert.Equal((ibv_wc_status.IBV_WC_LOC_PROT_ERR, 7UL, ibv_wc_status.IBV_WC_WR_FLUSH_ERR), (first.status, first.wr_id, second.status));
        Assert.Equal(0, ibv_destroy_flow(flow));
    }

    [Fact]
    public void With_overrun_ignored_the_newest_completions_stand()
    {
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 3, flags: 2)); // IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN
        using SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8));
        queue.Post(0, 1, 2, 3, 4, 5, 6, 7);
        Send([.. Enumerable.Range(0, 8).Select(i => MixedFrames.Make(3, Mac, i, 100))]);
        CVerbs.Ring ring;
        Assert.Equal(0, CVerbs.RingOfCq(cq, &ring));
        var entries = (mlx5_cqe64*)ring.Memory;
        Assert.Equal([4, 5, 6, 7], [entries[0].wqe_counter, entries[1].wqe_counter, entries[2].wqe_counter, entries[3].wqe_counter]);
        queue.Dispose();
        Assert.Equal(0, ibv_destroy_cq(cq));
    }

    [Fact]
    public void Any_number_of_unread_events_waits_in_order()
    {
        for (int i = 0; i < 400; i++)
        {
            Nic.SetCarrier(i % 2 != 0);
        }

        for (int i = 0; i < 400; i++)
        {
            Assert.Equal(i % 2 == 0 ? ibv_event_type.IBV_EVENT_PORT_ERR : ibv_event_type.IBV_EVENT_PORT_ACTIVE, NextEvent().event_type);
        }
    }

    [Fact]
    public void A_failed_device_says_so_refuses_work_and_lets_go_of_what_programs_have()
    {
        ((INicUnit)Nic).Fail(new InvalidOperationException("a test"));
        ibv_async_event fatal = NextEvent();
        Assert.Equal((ibv_event_type.IBV_EVENT_DEVICE_FATAL, 1), (fatal.event_type, fatal.port_num));
        Assert.True(ibv_create_cq(_program.Context, 3, null, null, 0) == null, "nothing is made any more");
        Assert.Equal((int)Errno.EIO, Marshal.GetLastPInvokeError());
    }

    [Fact]
    public void Behind_the_last_event_of_a_device_that_is_gone_a_read_fails_with_EIO()
    {
        ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(_program.Context));
        ibv_cq* cq = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, channel));
        using (SteeredWorkQueue queue = new(_program, CVerbs.CreateWq(_program.Pd, cq, 8)))
        {
            queue.Post(0);
            Assert.Equal(0, ibv_req_notify_cq(cq, 0));
            Send(MixedFrames.Make(3, Mac, 0, 100)); // its event is never read, and goes with the device
            ((INicUnit)Nic).Fail(new InvalidOperationException("a test"));
        }

        Assert.Equal(ibv_event_type.IBV_EVENT_DEVICE_FATAL, NextEvent().event_type);
        AssertReadable(_program.Context->async_fd);
        ibv_async_event next;
        Assert.Equal((-1, Errno.EIO), (ibv_get_async_event(_program.Context, &next), (Errno)Marshal.GetLastPInvokeError()));
        AssertReadable(channel->fd);
        ibv_cq* notified;
        void* context;
        Assert.Equal((-1, Errno.EIO), (ibv_get_cq_event(channel, &notified, &context), (Errno)Marshal.GetLastPInvokeError()));
        Assert.Equal(0, ibv_destroy_cq(cq)); // would wait for ever for an event that nobody can read
        Assert.Equal(0, ibv_destroy_comp_channel(channel));
    }

    [Fact]
    public void Destroying_a_queue_takes_only_its_own_unread_events_along()
    {
        ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(_program.Context));
        ibv_cq* first = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, channel));
        ibv_cq* second = VerbsProgram.Must(CVerbs.CreateCq(_program.Context, 15, channel));
        using (SteeredWorkQueue one = new(_program, CVerbs.CreateWq(_program.Pd, first, 8)))
        using (SteeredWorkQueue other = new(_program, CVerbs.CreateWq(_program.Pd, second, 8), mac: "02:00:00:00:00:0c"))
        {
            one.Post(0);
            other.Post(1);
            Assert.Equal((0, 0), (ibv_req_notify_cq(first, 0), ibv_req_notify_cq(second, 0)));
            Send(MixedFrames.Make(3, Mac, 0, 100), MixedFrames.Make(3, "02:00:00:00:00:0c", 0, 100));
        }

        Assert.Equal(0, ibv_destroy_cq(first)); // its event is unread
        ibv_cq* notified;
        void* context;
        Assert.Equal(0, ibv_get_cq_event(channel, &notified, &context));
        Assert.True(notified == second, "the other queue's event is still there");
        ibv_ack_cq_events(second, 1);
        Assert.Equal(0, ibv_destroy_cq(second));
        Assert.Equal(0, ibv_destroy_comp_channel(channel));
    }

    private static void AssertReadable(int descriptor)
    {
        var readable = new pollfd { fd = descriptor, events = Libc.POLLIN };
        timespec now = default;
        Assert.Equal(1, Libc.ppoll(&readable, 1, &now, null));
    }

    private ibv_async_event NextEvent()
    {
        _nics.Step();
        var readable = new pollfd { fd = _program.Context->async_fd, events = Libc.POLLIN };
        var patience = new timespec { tv_sec = 60 };
        Assert.Equal(1, Libc.ppoll(&readable, 1, &patience, null));
        ibv_async_event next;
        Assert.Equal(0, ibv_get_async_event(_program.Context, &next));
        ibv_ack_async_event(&next);
        return next;
    }

    private static int Poll(SteeredWorkQueue queue, ibv_cq* cq, int received, int max)
    {
        int count = 0;
        ibv_wc wc;
        for (; count < max && ibv_poll_cq(cq, 1, &wc) == 1; count++)
        {
            Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, wc.status);
            Assert.Equal(MixedFrames.Make(3, Mac, (received + count) % 256, 100), SteeredWorkQueue.Frame(wc.wr_id, 100));
            queue.Post((received + count) % 8);
        }

        return count;
    }

    private void Send(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            frame.CopyTo(new Span<byte>(_sender.Buffer, frame.Length));
            _sender.PostSend(0, frame.Length);
            while (_nics.Devices.Values.First().Step())
            {
            }

            Assert.True(_sender.TryPoll(out _), "the frame is sent");
        }

        while (_nics.Step())
        {
        }
    }

    private static uint Crc32(ReadOnlySpan<byte> data)
    {
        uint crc = 0xFFFF_FFFF;
        foreach (byte b in data)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                bool low = ((crc ^ (uint)(b >> bit)) & 1) != 0;
                crc = (crc >> 1) ^ (low ? 0xEDB8_8320 : 0);
            }
        }

        return ~crc;
    }
}
