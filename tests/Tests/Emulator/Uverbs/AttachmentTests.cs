using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>The real libibverbs and libmlx5 above emulated NICs.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class AttachmentTests
{
    private readonly string _first = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";
    private readonly string _second = $"vt{RandomNumberGenerator.GetHexString(8, true)}b";

    private EmulatedNics Attach(bool stepped = true) => EmulatedNics.Attach(
        [Parse($"{_first},wire=cable:{_second},speed=25,mac=02:00:00:00:00:0a"), Parse($"{_second},mac=02:00:00:00:00:0b")],
        NullLogger.Instance, stepped);

    private static NicOptions Parse(string text)
    {
        Assert.True(NicOptions.TryParse(text, out NicOptions options, out string error), error);
        return options;
    }

    [Fact]
    public void What_a_killed_process_has_left_in_its_place_goes_and_what_a_living_one_needs_stays()
    {
        string trees = Path.GetDirectoryName(SysfsTree.Path)!;
        DirectoryInfo dead = Directory.CreateDirectory(Path.Combine(trees, $"verbena-sysfs.{_first}"));
        DirectoryInfo living = Directory.CreateDirectory(Path.Combine(trees, $"verbena-sysfs.{_second}"));
        File.WriteAllText(Path.Combine(dead.FullName, "lock"), "");
        using (new FileStream(Path.Combine(living.FullName, "lock"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
        using (Attach())
        {
            Assert.False(Directory.Exists(dead.FullName));
            Assert.True(Directory.Exists(living.FullName));
        }

        living.Delete(recursive: true);
    }

    [Fact]
    public void A_name_too_long_for_virtual_functions_is_refused_before_anything_is_made()
    {
        using EmulatedNics nics = EmulatedNics.Attach([Parse($"{_first}-14,mac=02:00:00:00:00:0a")], NullLogger.Instance, stepped: true);
        NicDevice physical = nics.Devices.Values.Single();
        InvalidOperationException refusal = Assert.Throws<InvalidOperationException>(() => nics.SetFunctions(physical, 1));
        Assert.Equal($"'{_first}-14v0' is no name for a network device: 1 to 15 characters without '/', ':' and spaces", refusal.Message);
        Assert.Null(physical.SwitchCounters);
    }

    [Fact]
    public void Devices_are_found_while_attached_and_not_afterwards()
    {
        for (int i = 0; i < 2; i++)
        {
            using (Attach())
            {
                Assert.Equal(["mlx5_0", "mlx5_1"], VerbsProgram.DeviceNames().Order(StringComparer.Ordinal), StringComparer.Ordinal);
            }

            Assert.Empty(VerbsProgram.DeviceNames());
        }
    }

    [Fact]
    public void The_port_query_tells_speed_and_link()
    {
        using EmulatedNics nics = Attach();
        nics.Step();
        ibv_context* context = VerbsProgram.Open(0);
        ibv_port_attr port;
        Assert.Equal(0, ibv_query_port(context, 1, &port, (nuint)sizeof(ibv_port_attr)));
        Assert.Equal((1, 32), (port.active_width, port.active_speed));
        Assert.Equal(ibv_port_state.IBV_PORT_ACTIVE, port.state);
        Assert.Equal((int)Errno.EINVAL, ibv_query_port(context, 2, &port, (nuint)sizeof(ibv_port_attr)));
        Assert.Equal(0, ibv_close_device(context));
    }

    [Fact]
    public void Destroying_everything_leaves_nothing_behind()
    {
        using EmulatedNics nics = Attach();
        using (VerbsProgram program = VerbsProgram.Start(0))
        {
            Assert.Equal(0, program.MoveToReadyToSend());
            ibv_flow* flow = program.CatchAll();
            Assert.Equal(1, nics.LiveObjects["Flow"]);
            Assert.Equal(0, ibv_destroy_flow(flow));
        }

        Assert.Empty(nics.LiveObjects);
    }

    [Fact]
    public void What_is_in_use_is_not_destroyed()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        ibv_flow* flow = program.CatchAll();
        Assert.Equal((int)Errno.EBUSY, ibv_destroy_qp(program.Qp));
        Assert.Equal((int)Errno.EBUSY, ibv_destroy_cq(program.Cq));
        Assert.Equal((int)Errno.EBUSY, ibv_dealloc_pd(program.Pd));
        Assert.Equal(0, ibv_destroy_flow(flow));
    }

    [Fact]
    public void Closing_the_device_destroys_what_the_program_left()
    {
        using EmulatedNics nics = Attach();
        VerbsProgram forgetful = VerbsProgram.Start(0);
        forgetful.CatchAll();
        Assert.NotEmpty(nics.LiveObjects);
        Assert.Equal(0, ibv_close_device(forgetful.Context));
        Assert.Empty(nics.LiveObjects);
    }

    [Fact]
    public void A_frame_goes_through_the_cable_when_the_NICs_are_stepped() =>
        SendThroughCable(stepped: true);

    [Fact]
    public void A_frame_goes_through_the_cable_when_the_NICs_have_their_thread() =>
        SendThroughCable(stepped: false);

    private void SendThroughCable(bool stepped)
    {
        using EmulatedNics nics = Attach(stepped);
        _ = stepped && nics.Step(); // sees the cable's carrier
        using VerbsProgram sender = VerbsProgram.Start(0);
        using VerbsProgram receiver = VerbsProgram.Start(1);
        Assert.Equal(0, receiver.MoveToReadyToSend());
        ibv_flow* flow = receiver.CatchAll();
        for (int i = 0; i < 40; i++) // more than a lap of either ring
        {
            receiver.PostReceive(0, 2048);
            if (i == 0)
            {
                Assert.Equal(0, sender.MoveToReadyToSend());
            }

            var frame = new Span<byte>(sender.Buffer, 100);
            Convert.FromHexString("02aabbccddee02000000000a88b5").CopyTo(frame);
            frame[14] = (byte)i;
            sender.PostSend(0, frame.Length);

            ibv_wc sent = Await(nics, stepped, sender);
            Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, sent.status);
            Assert.Equal(sender.Qp->qp_num, sent.qp_num);
            ibv_wc received = Await(nics, stepped, receiver);
            Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, received.status);
            Assert.Equal(100u, received.byte_len);
            Assert.True(frame.SequenceEqual(new ReadOnlySpan<byte>(receiver.Buffer, 100)), "the frame arrives as it was sent");
        }

        Assert.Equal(0, ibv_destroy_flow(flow));
        Assert.Empty(nics.Devices[_first].Conformance.Violations);
        Assert.Empty(nics.Devices[_second].Conformance.Violations);
    }

    private static ibv_wc Await(EmulatedNics nics, bool stepped, VerbsProgram program)
    {
        for (int turn = 0; turn < 200_000; turn++)
        {
            if (stepped)
            {
                nics.Step();
            }
            else if (turn > 1000)
            {
                Thread.Yield();
            }

            if (program.TryPoll(out ibv_wc completion))
            {
                return completion;
            }
        }

        throw new InvalidOperationException("no completion came; " + string.Join("; ", nics.Devices.Values.Select(Describe)));
    }

    private static string Describe(NicDevice nic) => string.Join(' ', PortCounters.Names
        .Select((name, i) => (name, value: nic.Counters[(PortCounter)i])).Where(c => c.value != 0).Select(c => $"{c.name}={c.value}"));

    [Fact]
    public void Carrier_changes_arrive_as_port_events()
    {
        using EmulatedNics nics = Attach();
        nics.Step();
        ibv_context* context = VerbsProgram.Open(0);
        nics.Devices[_first].SetCarrier(false);
        nics.Step();
        ibv_async_event received;
        Assert.Equal(0, ibv_get_async_event(context, &received));
        ibv_ack_async_event(&received);
        Assert.Equal(ibv_event_type.IBV_EVENT_PORT_ERR, received.event_type);
        Assert.Equal(0, ibv_close_device(context));
    }

    [Fact]
    public void An_armed_queue_sends_one_completion_event()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(program.Context));
        ibv_cq* cq = VerbsProgram.Must(ibv_create_cq(program.Context, 15, null, channel, 0));
        Assert.Equal(0, ibv_req_notify_cq(cq, 0));
        ibv_qp* qp = SendOne(program, cq);
        nics.Step();
        ibv_cq* notified;
        void* cqContext;
        Assert.Equal(0, ibv_get_cq_event(channel, &notified, &cqContext));
        Assert.True(notified == cq, "the event names the queue");
        ibv_ack_cq_events(cq, 1);
        Assert.Equal(0, ibv_destroy_qp(qp));
        Assert.Equal(0, ibv_destroy_cq(cq)); // would wait for ever if the kernel had counted another event
        Assert.Equal(1, nics.LiveObjects["CompletionChannel"]);
        Assert.Equal(0, ibv_destroy_comp_channel(channel));
        Assert.DoesNotContain("CompletionChannel", nics.LiveObjects.Keys, StringComparer.Ordinal);
    }

    /// <remarks>The number of a file that is being closed must not be a new one's yet.</remarks>
    [Fact]
    public void Threads_make_and_destroy_channels_at_the_same_time()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (int i = 0; i < 500; i++)
            {
                ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(program.Context));
                Assert.Equal(0, ibv_destroy_comp_channel(channel));
            }
        });
        Assert.DoesNotContain("CompletionChannel", nics.LiveObjects.Keys, StringComparer.Ordinal);
    }

    [Fact]
    public void An_arm_command_does_not_outlive_its_completion_queue()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        ibv_comp_channel* channel = VerbsProgram.Must(ibv_create_comp_channel(program.Context));
        ibv_cq* armed = VerbsProgram.Must(ibv_create_cq(program.Context, 15, null, channel, 0));
        Assert.Equal(0, ibv_req_notify_cq(armed, 0));
        Assert.Equal(0, ibv_destroy_cq(armed));
        ibv_cq* next = VerbsProgram.Must(ibv_create_cq(program.Context, 15, null, channel, 0)); // its number is the old one's
        ibv_qp* qp = SendOne(program, next);
        nics.Step();
        var readable = new pollfd { fd = channel->fd, events = Libc.POLLIN };
        timespec now = default;
        Assert.Equal(0, Libc.ppoll(&readable, 1, &now, null));
        Assert.Equal(0, ibv_destroy_qp(qp));
        Assert.Equal(0, ibv_destroy_cq(next));
        Assert.Equal(0, ibv_destroy_comp_channel(channel));
        Assert.Empty(nics.Devices[_first].Conformance.Violations);
    }

    /// <summary>Makes a queue pair that completes to <paramref name="cq"/>, and has it send a frame.</summary>
    private static ibv_qp* SendOne(VerbsProgram program, ibv_cq* cq)
    {
        var attributes = new ibv_qp_init_attr
        {
            send_cq = cq,
            recv_cq = cq,
            cap = new ibv_qp_cap { max_send_wr = 4, max_send_sge = 1 },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
        };
        ibv_qp* qp = VerbsProgram.Must(ibv_create_qp(program.Pd, &attributes));
        Assert.Equal(0, VerbsProgram.MoveToReadyToSend(qp));
        var sge = new ibv_sge { addr = (ulong)program.Buffer, length = 64, lkey = program.Mr->lkey };
        var request = new ibv_send_wr { sg_list = &sge, num_sge = 1, opcode = ibv_wr_opcode.IBV_WR_SEND, send_flags = ibv_send_flags.IBV_SEND_SIGNALED };
        ibv_send_wr* bad;
        Assert.Equal(0, ibv_post_send(qp, &request, &bad));
        return qp;
    }

    [Fact]
    public void A_command_that_is_told_to_fail_fails_once()
    {
        using EmulatedNics nics = Attach();
        ibv_context* context = VerbsProgram.Open(0);
        nics.Faults.Reset();
        nics.Faults.FailCommand(2, (int)Errno.ENOMEM);
        ibv_pd* first = VerbsProgram.Must(ibv_alloc_pd(context));
        Assert.True(ibv_alloc_pd(context) == null, "the second command fails");
        Assert.Equal((int)Errno.ENOMEM, Marshal.GetLastPInvokeError());
        Assert.Equal(["ALLOC_PD", "ALLOC_PD"], nics.Faults.Seen, StringComparer.Ordinal);
        nics.Faults.FailCommand("ALLOC_PD", (int)Errno.EIO);
        Assert.True(ibv_alloc_pd(context) == null, "the named command fails");
        Assert.Equal(0, ibv_dealloc_pd(first));
        Assert.Equal(0, ibv_close_device(context));
    }

    [Fact]
    public void Commands_survive_a_garbage_collector_that_never_rests()
    {
        using EmulatedNics nics = Attach();
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                Thread.Sleep(0); // else the program's thread may never find the runtime not suspended
            }
        });
        collector.Start();
        for (int i = 0; i < 30; i++)
        {
            VerbsProgram.Start(i % 2).Dispose();
        }

        stop.Cancel();
        collector.Join();
        Assert.Empty(nics.LiveObjects);
    }

    [Fact]
    public void Wrong_requests_get_the_errno_of_a_kernel()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        Assert.Equal((int)Errno.EINVAL, program.Modify(ibv_qp_state.IBV_QPS_RTS, ibv_qp_attr_mask.IBV_QP_STATE));
        Assert.Equal(Errno.EINVAL, ErrnoOf(ibv_create_cq(program.Context, 16, null, null, program.Context->num_comp_vectors)));
        Assert.Equal(Errno.EFAULT, ErrnoOf(ibv_reg_mr(program.Pd, (void*)0x10000, 4096, ibv_access_flags.IBV_ACCESS_LOCAL_WRITE)));
    }

    [Fact]
    public void Raw_packets_are_for_the_thread_that_may_send_them()
    {
        using EmulatedNics nics = Attach();
        using VerbsProgram program = VerbsProgram.Start(0);
        Errno unprivileged = default;
        var thread = new Thread(() =>
        {
            Capabilities.DropAll();
            unprivileged = program.TryCreateQueuePair(16, 16) == null ? (Errno)Marshal.GetLastPInvokeError() : default;
        });
        thread.Start();
        thread.Join();
        Assert.Equal(Errno.EPERM, unprivileged);
        Assert.Equal(0, ibv_destroy_qp(program.CreateQueuePair(16, 16)));
    }

    private static Errno ErrnoOf(void* result)
    {
        Assert.True(result == null, "the verb is refused");
        return (Errno)Marshal.GetLastPInvokeError();
    }
}
