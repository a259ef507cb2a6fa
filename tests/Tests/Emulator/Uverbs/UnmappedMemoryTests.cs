using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Interop.Shim;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A program that unmaps memory before it deregisters it, beside a NIC that runs by itself.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class UnmappedMemoryTests
{
    private const int Bytes = 2 * 4096;
    private const int FrameBytes = 64;

    /// <summary>Far from where Linux puts what may go anywhere, so that nobody else maps something there meanwhile.</summary>
    private const ulong Place = 0x2000_0000_0000;

    private readonly string _near = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";

    [Fact]
    public void What_is_unmapped_while_it_is_registered_is_sent_as_zeros_and_received_and_told()
    {
        string far = _near[..^1] + "b";
        using EmulatedNics nics = EmulatedNics.Attach(
            [new NicOptions(far) { Wire = new CableOptions(_near) }, new NicOptions(_near)], NullLogger.Instance);
        Assert.True(SpinWait.SpinUntil(() => nics.Devices[far].Link.IsUp, TimeSpan.FromSeconds(60)), "the cable brings the link up");
        using VerbsProgram sender = VerbsProgram.Start(0);
        using VerbsProgram receiver = VerbsProgram.Start(1);
        Assert.Equal((0, 0), (sender.MoveToReadyToSend(), receiver.MoveToReadyToSend()));
        ibv_flow* flow = receiver.CatchAll();
        ibv_mr* toSend = RegisterAndUnmap(sender, Place);
        ibv_mr* toReceive = RegisterAndUnmap(receiver, 2 * Place);

        PostReceive(receiver, toReceive);
        Send(sender.Qp, toSend);
        AwaitSuccess(sender);
        AwaitSuccess(receiver);

        Assert.False(new Span<byte>(toReceive->addr, FrameBytes).ContainsAnyExcept((byte)0), "an empty page was sent");
        Assert.True(SpinWait.SpinUntil(() => nics.Devices.Values.Any(nic => nic.Conformance.Violations.Any(IsOfUnmapping)), TimeSpan.FromSeconds(60)));
        Assert.Equal((0, 0, 0), (ibv_destroy_flow(flow), ibv_dereg_mr(toSend), ibv_dereg_mr(toReceive)));
        Assert.Equal((0, 0), (Libc.munmap((void*)Place, Bytes), Libc.munmap((void*)(2 * Place), Bytes)));
    }

    /// <remarks>What is destroyed is finished first, here when the NICs go.</remarks>
    [Fact]
    public void A_program_that_has_unmapped_what_it_sends_may_leave_all_behind()
    {
        EmulatedNics nics = EmulatedNics.Attach([new NicOptions(_near) { Wire = new SinkOptions() }], NullLogger.Instance, stepped: true);
        using (nics)
        {
            VerbsProgram forgetful = VerbsProgram.Start(0);
            ibv_mr* region = RegisterAndUnmap(forgetful, Place);
            ibv_qp* sender = forgetful.CreateQueuePair(16, 16); // younger than the region, and so destroyed before it
            Assert.Equal(0, VerbsProgram.MoveToReadyToSend(sender));
            Send(sender, region);
        }

        Assert.Empty(nics.LiveObjects);
        Assert.Equal(Place, NicShim.Loaded.TakeUnmapped());
        Assert.Equal(0, Libc.munmap((void*)Place, Bytes));
    }

    [Fact]
    public void A_null_reference_is_an_exception_as_before()
    {
        using EmulatedNics nics = EmulatedNics.Attach([new NicOptions(_near)], NullLogger.Instance);
        using VerbsProgram program = VerbsProgram.Start(0); // its calls have been answered, so the handler is there
        string? nothing = program.Context == null ? "" : null;
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
    }

    private static bool IsOfUnmapping(string violation) => violation.Contains("unmapped", StringComparison.Ordinal);

    private static ibv_mr* RegisterAndUnmap(VerbsProgram program, ulong place)
    {
        void* memory = Libc.mmap((void*)place, Bytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        Assert.Equal(place, (ulong)memory);
        new Span<byte>(memory, Bytes).Fill(0xEE);
        ibv_mr* region = VerbsProgram.Must(ibv_reg_mr(program.Pd, memory, Bytes, ibv_access_flags.IBV_ACCESS_LOCAL_WRITE));
        Assert.Equal(0, Libc.munmap(memory, Bytes));
        return region;
    }

    private static void PostReceive(VerbsProgram program, ibv_mr* region)
    {
        var sge = new ibv_sge { addr = (ulong)region->addr, length = Bytes, lkey = region->lkey };
        var request = new ibv_recv_wr { sg_list = &sge, num_sge = 1 };
        ibv_recv_wr* bad;
        Assert.Equal(0, ibv_post_recv(program.Qp, &request, &bad));
    }

    private static void Send(ibv_qp* qp, ibv_mr* region)
    {
        var sge = new ibv_sge { addr = (ulong)region->addr, length = FrameBytes, lkey = region->lkey };
        var request = new ibv_send_wr { sg_list = &sge, num_sge = 1, opcode = ibv_wr_opcode.IBV_WR_SEND, send_flags = ibv_send_flags.IBV_SEND_SIGNALED };
        ibv_send_wr* bad;
        Assert.Equal(0, ibv_post_send(qp, &request, &bad));
    }

    private static void AwaitSuccess(VerbsProgram program)
    {
        ibv_wc completion = default;
        Assert.True(SpinWait.SpinUntil(() => program.TryPoll(out completion), TimeSpan.FromSeconds(60)), "it completes");
        Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, completion.status);
    }
}
