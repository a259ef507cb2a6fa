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
    public const ushort MaxModerationCount = 65_535;
    public const ushort MaxModerationPeriod = 4095; // µs

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
        new("RESIZE_CQ", WriteCommands.IB_USER_VERBS_CMD_RESIZE_CQ, Resize,
            In<ib_uverbs_resize_cq>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_resize_cq_resp>(UVERBS_ATTR_CORE_OUT), DriverIn<mlx5_ib_resize_cq>()),
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
        CheckEntries(entries);
        if (frame.Number(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR) >= CompletionVectors)
        {
            throw UverbsException.Invalid($"CQ with a vector beyond 0 to {CompletionVectors - 1}");
        }

        if (driver.cqe_size is not (64 or 128))
        {
            throw UverbsException.Invalid($"completions have 64 or 128 bytes, not {driver.cqe_size}");
        }

        const uint KnownFlags = Mlx5Abi.MLX5_IB_CREATE_CQ_FLAGS_UAR_PAGE_INDEX | Mlx5Abi.MLX5_IB_CREATE_CQ_FLAGS_CQE_128B_PAD;
        bool pads = (driver.flags & Mlx5Abi.MLX5_IB_CREATE_CQ_FLAGS_CQE_128B_PAD) != 0;
        if ((pads && driver.cqe_size != 128)
            || (flags & ~(ulong)(IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION | IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN)) != 0
            || (driver.flags & ~KnownFlags) != 0 || (driver.flags & Mlx5Abi.MLX5_IB_CREATE_CQ_FLAGS_UAR_PAGE_INDEX) == 0)
        {
            throw UverbsException.NotSupported($"CQ with flags 0x{flags:x}, mlx5 flags 0x{driver.flags:x}");
        }

        UserMemory.Demand(driver.buf_addr, entries * driver.cqe_size, writable: true);
        UserMemory.Demand(driver.db_addr, 2 * sizeof(uint), writable: true);
        return new CompletionQueueParameters
        {
            BufferAddress = driver.buf_addr,
            DoorbellRecordAddress = driver.db_addr,
            Entries = (int)entries,
            EntryBytes = (int)driver.cqe_size,
            Pads = pads,
            Compression = driver.cqe_comp_en == 1 ? Format(context, driver.cqe_comp_res_format) : CqeCompressionFormat.None,
            IgnoreOverrun = (flags & IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN) != 0,
            UarPage = Uar.CheckPage(context, driver.uar_page_index),
        };
    }

    private static void CheckEntries(ulong entries)
    {
        if (entries is < 2 or > MaxEntries + 1UL || !ulong.IsPow2(entries))
        {
            throw UverbsException.Invalid($"CQ of {entries - 1} entries: 1 to {MaxEntries}");
        }
    }

    private static CqeCompressionFormat Format(UverbsContext context, uint format)
    {
        if (format is not ((uint)CqeCompressionFormat.Hash or (uint)CqeCompressionFormat.Checksum or (uint)CqeCompressionFormat.ChecksumStrideIndex))
        {
            throw UverbsException.Invalid($"completions are compressed to one format, not to 0x{format:x}");
        }

        return (format & context.Device.Nic.Options.Model.CompressionFormats) != 0
            ? (CqeCompressionFormat)format
            : throw UverbsException.NotSupported($"the model can't compress completions to format {format}");
    }

    /// <summary>libmlx5 brings the new ring, and copies from the old one when this returns.</summary>
    private static void Resize(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_resize_cq asked = frame.Input<ib_uverbs_resize_cq>(UVERBS_ATTR_CORE_IN);
        mlx5_ib_resize_cq driver = frame.DriverInput<mlx5_ib_resize_cq>();
        Cq cq = context.Get<Cq>(asked.cq_handle);
        ulong entries = asked.cqe + 1UL;
        CheckEntries(entries);
        if (driver.cqe_size != cq.Queue.EntryBytes)
        {
            throw UverbsException.Invalid($"RESIZE_CQ: the size of completions can't change from {cq.Queue.EntryBytes} to {driver.cqe_size}");
        }

        UserMemory.Demand(driver.buf_addr, entries * driver.cqe_size, writable: true);
        context.Device.Nic.Resize(cq.Queue, driver.buf_addr, (int)entries);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_resize_cq_resp { cqe = asked.cqe });
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

    private static void Modify(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_ex_modify_cq asked = frame.Input<ib_uverbs_ex_modify_cq>(UVERBS_ATTR_CORE_IN);
        Cq cq = context.Get<Cq>(asked.cq_handle);
        if (asked.attr_mask != 1)
        {
            throw UverbsException.NotSupported("MODIFY_CQ knows moderation only");
        }

        if (asked.attr.cq_period > MaxModerationPeriod)
        {
            throw UverbsException.Invalid($"MODIFY_CQ: a period of {asked.attr.cq_period} µs, beyond {MaxModerationPeriod}");
        }

        context.Device.Nic.Moderate(cq.Queue, asked.attr.cq_count, asked.attr.cq_period);
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
