using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;

namespace Verbena.Emulator.Uverbs;

/// <summary>A completion queue.</summary>
internal sealed class Cq : UverbsObject
{
    public const int MaxEntries = 4_194_303;
    public const int CompletionVectors = 8;

    public static readonly MethodCommand[] Methods =
    [
        new("CQ_CREATE", (ushort)uverbs_default_objects.UVERBS_OBJECT_CQ, Interop.Uverbs.Methods.UVERBS_METHOD_CQ_CREATE, Create,
            [NewHandle(UVERBS_ATTR_CREATE_CQ_HANDLE), In(UVERBS_ATTR_CREATE_CQ_CQE, 4), In(UVERBS_ATTR_CREATE_CQ_USER_HANDLE, 8),
            In(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR, 4), Out(UVERBS_ATTR_CREATE_CQ_RESP_CQE, 4)],
            Handle(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL), Flags(UVERBS_ATTR_CREATE_CQ_FLAGS), Handle(UVERBS_ATTR_CREATE_CQ_EVENT_FD),
            DriverIn<mlx5_ib_create_cq>(), DriverOut<mlx5_ib_create_cq_resp>()),
        new("CQ_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_CQ, Interop.Uverbs.Methods.UVERBS_METHOD_CQ_DESTROY, Destroy,
            [Handle(UVERBS_ATTR_DESTROY_CQ_HANDLE), Out<ib_uverbs_destroy_cq_resp>(UVERBS_ATTR_DESTROY_CQ_RESP)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("MODIFY_CQ", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_MODIFY_CQ,
            Modify, In<ib_uverbs_ex_modify_cq>(UVERBS_ATTR_CORE_IN)),
    ];

    private readonly CompletionEvents _completions;
    private readonly ObjectEvents _events;

    private Cq(UverbsContext context, CompletionQueue queue, CompletionEvents completions, ObjectEvents events)
        : base(context)
    {
        Queue = queue;
        _completions = completions;
        _events = events;
    }

    public CompletionQueue Queue { get; }

    public override void Release() => Device.Nic.Destroy(Queue);

    private static void Create(UverbsContext context, in IoctlFrame frame)
    {
        ulong userHandle = frame.Number(UVERBS_ATTR_CREATE_CQ_USER_HANDLE);
        var completions = new CompletionEvents(Channel(context, frame), userHandle);
        ObjectEvents events = context.Events(frame, UVERBS_ATTR_CREATE_CQ_EVENT_FD, userHandle);
        CompletionQueueParameters parameters = Parameters(context, frame) with
        {
            OnCompletionEvent = completions.Send,
            OnError = () => events.Send(ibv_event_type.IBV_EVENT_CQ_ERR),
        };
        var cq = new Cq(context, context.Device.Nic.CreateCompletionQueue(parameters), completions, events);
        frame.Output(UVERBS_ATTR_CREATE_CQ_RESP_CQE, (uint)parameters.Entries - 1);
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_create_cq_resp { cqn = cq.Queue.Number });
        frame.OutputNew(UVERBS_ATTR_CREATE_CQ_HANDLE, cq.Handle);
    }

    private static EventChannel? Channel(UverbsContext context, in IoctlFrame frame) =>
        frame.Has(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL) ? context.Channel(frame.Number(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL)) : null;

    private static CompletionQueueParameters Parameters(UverbsContext context, in IoctlFrame frame)
    {
        mlx5_ib_create_cq driver = frame.DriverInput<mlx5_ib_create_cq>();
        ulong entries = frame.Number(UVERBS_ATTR_CREATE_CQ_CQE) + 1; // libmlx5 sends the ring's size less one
        ulong flags = frame.Number(UVERBS_ATTR_CREATE_CQ_FLAGS);
        if (entries is < 2 or > MaxEntries + 1UL || !ulong.IsPow2(entries)
            || frame.Number(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR) >= CompletionVectors)
        {
            throw UverbsException.Invalid($"CQ of {entries - 1} entries: 1 to {MaxEntries}, vectors 0 to {CompletionVectors - 1}");
        }

        if ((flags & ~(ulong)(IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION | IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN)) != 0
            || driver.flags != Mlx5Abi.MLX5_IB_CREATE_CQ_FLAGS_UAR_PAGE_INDEX || driver.cqe_comp_en != 0)
        {
            throw UverbsException.NotSupported($"CQ with flags 0x{flags:x}, mlx5 flags 0x{driver.flags:x}, compression {driver.cqe_comp_en}");
        }

        UserMemory.Demand(driver.buf_addr, entries * driver.cqe_size, writable: true);
        UserMemory.Demand(driver.db_addr, 2 * sizeof(uint), writable: true);
        return new CompletionQueueParameters
        {
            BufferAddress = driver.buf_addr,
            DoorbellRecordAddress = driver.db_addr,
            Entries = (int)entries,
            EntryBytes = driver.cqe_size is 64 or 128 ? (int)driver.cqe_size : throw UverbsException.Invalid("CQE size is 64 or 128"),
            IgnoreOverrun = (flags & IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN) != 0,
            UarPage = Uar.CheckPage(context, driver.uar_page_index),
        };
    }

    private static void Destroy(UverbsContext context, in IoctlFrame frame)
    {
        Cq cq = context.Get<Cq>(frame.Number(UVERBS_ATTR_DESTROY_CQ_HANDLE));
        context.Destroy(cq);
        frame.Output(UVERBS_ATTR_DESTROY_CQ_RESP, new ib_uverbs_destroy_cq_resp
        {
            comp_events_reported = cq._completions.Reported(),
            async_events_reported = cq._events.Reported(),
        });
    }

    /// <summary>Moderation bounds how long an event may be held back; an event that comes at once keeps within any bound.</summary>
    private static void Modify(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_ex_modify_cq asked = frame.Input<ib_uverbs_ex_modify_cq>(UVERBS_ATTR_CORE_IN);
        _ = context.Get<Cq>(asked.cq_handle);
        if (asked.attr_mask != 1)
        {
            throw UverbsException.NotSupported("MODIFY_CQ knows moderation only");
        }
    }

    /// <summary>The completion events of one queue, and how many of them the program has read.</summary>
    private sealed class CompletionEvents(EventChannel? channel, ulong userHandle)
    {
        private int _sent;

        public void Send()
        {
            Interlocked.Increment(ref _sent); // first: the program may have read the event before Send returns
            if (channel is null || !channel.Send(new ib_uverbs_comp_event_desc { cq_handle = userHandle }))
            {
                Interlocked.Decrement(ref _sent);
            }
        }

        public uint Reported() => (uint)(_sent - (channel?.TakeUnread(userHandle) ?? 0));
    }
}
