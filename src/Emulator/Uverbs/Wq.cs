using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;

namespace Verbena.Emulator.Uverbs;

/// <summary>A receive queue for an indirection table.</summary>
internal sealed class Wq : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("WQ_CREATE", (ushort)uverbs_default_objects.UVERBS_OBJECT_WQ, Interop.Uverbs.Methods.UVERBS_METHOD_WQ_CREATE, Create,
            [NewHandle(UVERBS_ATTR_CREATE_WQ_HANDLE), Handle(UVERBS_ATTR_CREATE_WQ_PD_HANDLE), Handle(UVERBS_ATTR_CREATE_WQ_CQ_HANDLE),
            In(UVERBS_ATTR_CREATE_WQ_USER_HANDLE, 8), In(UVERBS_ATTR_CREATE_WQ_TYPE, 8), In(UVERBS_ATTR_CREATE_WQ_MAX_WR, 4),
            In(UVERBS_ATTR_CREATE_WQ_MAX_SGE, 4), Flags(UVERBS_ATTR_CREATE_WQ_FLAGS), Out(UVERBS_ATTR_CREATE_WQ_RESP_MAX_WR, 4),
            Out(UVERBS_ATTR_CREATE_WQ_RESP_MAX_SGE, 4)],
            Handle(UVERBS_ATTR_CREATE_WQ_EVENT_FD), Out(UVERBS_ATTR_CREATE_WQ_RESP_WQ_NUM, 4),
            DriverIn<mlx5_ib_create_wq>(), DriverOut<mlx5_ib_create_wq_resp>()),
        new("WQ_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_WQ, Interop.Uverbs.Methods.UVERBS_METHOD_WQ_DESTROY, Destroy,
            [Handle(UVERBS_ATTR_DESTROY_WQ_HANDLE), Out(UVERBS_ATTR_DESTROY_WQ_RESP, 4)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("MODIFY_WQ", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_MODIFY_WQ,
            Modify, In<ib_uverbs_ex_modify_wq>(UVERBS_ATTR_CORE_IN)),
    ];

    private const uint WqState = 1;        // enum ibv_wq_attr_mask
    private const uint WqCurrentState = 2;
    private const uint WqFlags = 4;
    private readonly ObjectEvents _events;

    private Wq(UverbsContext context, WorkQueue queue, ObjectEvents events, Pd pd, Cq cq)
        : base(context, pd, cq)
    {
        Queue = queue;
        _events = events;
    }

    public WorkQueue Queue { get; }

    public override void Release() => Device.Nic.Destroy(Queue);

    private static void Create(UverbsContext context, in IoctlFrame frame)
    {
        mlx5_ib_create_wq driver = frame.DriverInput<mlx5_ib_create_wq>();
        Check(driver, frame);
        ulong flags = frame.Number(UVERBS_ATTR_CREATE_WQ_FLAGS);
        Pd pd = context.Get<Pd>(frame.Number(UVERBS_ATTR_CREATE_WQ_PD_HANDLE));
        Cq cq = context.Get<Cq>(frame.Number(UVERBS_ATTR_CREATE_WQ_CQ_HANDLE));
        ObjectEvents events = context.Events(frame, UVERBS_ATTR_CREATE_WQ_EVENT_FD, frame.Number(UVERBS_ATTR_CREATE_WQ_USER_HANDLE));
        WorkQueue queue = context.Device.Nic.CreateWorkQueue(new WorkQueueParameters
        {
            ProtectionDomain = pd.Number,
            BufferAddress = driver.buf_addr,
            Entries = (int)driver.rq_wqe_count,
            StrideLog2 = (int)driver.rq_wqe_shift,
            DoorbellRecordAddress = driver.db_addr,
            UserIndex = driver.user_index & 0xFF_FFFF,
            Completions = cq.Queue,
            Striding = Striding(driver),
            StripsVlan = (flags & IB_UVERBS_WQ_FLAGS_CVLAN_STRIPPING) != 0,
            KeepsFcs = (flags & IB_UVERBS_WQ_FLAGS_SCATTER_FCS) != 0,
            OnFatal = () => events.Send(ibv_event_type.IBV_EVENT_WQ_FATAL),
        });
        var wq = new Wq(context, queue, events, pd, cq);
        frame.Output(UVERBS_ATTR_CREATE_WQ_RESP_MAX_WR, (uint)frame.Number(UVERBS_ATTR_CREATE_WQ_MAX_WR));
        frame.Output(UVERBS_ATTR_CREATE_WQ_RESP_MAX_SGE, (uint)frame.Number(UVERBS_ATTR_CREATE_WQ_MAX_SGE));
        frame.Output(UVERBS_ATTR_CREATE_WQ_RESP_WQ_NUM, queue.Number);
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_create_wq_resp { response_length = 8 });
        frame.OutputNew(UVERBS_ATTR_CREATE_WQ_HANDLE, wq.Handle);
    }

    private static void Check(in mlx5_ib_create_wq driver, in IoctlFrame frame)
    {
        ulong flags = frame.Number(UVERBS_ATTR_CREATE_WQ_FLAGS);
        const uint Known = IB_UVERBS_WQ_FLAGS_CVLAN_STRIPPING | IB_UVERBS_WQ_FLAGS_SCATTER_FCS | IB_UVERBS_WQ_FLAGS_PCI_WRITE_END_PADDING;
        if ((flags & ~Known) != 0 || driver.flags != 0 || (driver.comp_mask & ~Mlx5Abi.MLX5_IB_CREATE_WQ_STRIDING_RQ) != 0)
        {
            throw UverbsException.NotSupported($"WQ with flags 0x{flags:x}, mlx5 flags 0x{driver.flags:x}, extensions 0x{driver.comp_mask:x}");
        }

        bool sized = driver.rq_wqe_count is > 0 and <= DeviceQueries.MaxWorkRequests && uint.IsPow2(driver.rq_wqe_count);
        if (!sized || driver.rq_wqe_shift is < 4 or > 9 || frame.Number(UVERBS_ATTR_CREATE_WQ_TYPE) != 0)
        {
            throw UverbsException.Invalid($"WQ of {driver.rq_wqe_count} entries of 2^{driver.rq_wqe_shift} bytes");
        }

        UserMemory.Demand(driver.buf_addr, (ulong)driver.rq_wqe_count << (int)driver.rq_wqe_shift, writable: true);
        UserMemory.Demand(driver.db_addr, 2 * sizeof(uint), writable: true);
    }

    private static StridingParameters? Striding(in mlx5_ib_create_wq driver) =>
        (driver.comp_mask & Mlx5Abi.MLX5_IB_CREATE_WQ_STRIDING_RQ) == 0 ? null : new StridingParameters(
            (int)driver.single_stride_log_num_of_bytes, (int)driver.single_wqe_log_num_of_strides, driver.two_byte_shift_en != 0);

    private static void Destroy(UverbsContext context, in IoctlFrame frame)
    {
        Wq wq = context.Get<Wq>(frame.Number(UVERBS_ATTR_DESTROY_WQ_HANDLE));
        context.Destroy(wq);
        frame.Output(UVERBS_ATTR_DESTROY_WQ_RESP, wq._events.Reported());
    }

    private static void Modify(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_ex_modify_wq asked = frame.Input<ib_uverbs_ex_modify_wq>(UVERBS_ATTR_CORE_IN);
        WorkQueue queue = context.Get<Wq>(asked.wq_handle).Queue;
        bool setsState = (asked.attr_mask & WqState) != 0;
        var current = (QueueState)((asked.attr_mask & WqCurrentState) != 0 ? asked.curr_wq_state : (uint)queue.State);
        QueueState next = setsState ? (QueueState)asked.wq_state : current;
        bool known = asked.attr_mask is not 0 and <= (WqState | WqCurrentState | WqFlags) && next is >= QueueState.Reset and <= QueueState.Error;
        if (!known || current != queue.State || (current == QueueState.Error && next == QueueState.Ready))
        {
            throw UverbsException.Invalid($"MODIFY_WQ from {queue.State} to {next} with attributes 0x{asked.attr_mask:x}");
        }

        uint changed = (asked.attr_mask & WqFlags) != 0 ? asked.flags_mask : 0;
        if ((changed & ~IB_UVERBS_WQ_FLAGS_CVLAN_STRIPPING) != 0)
        {
            throw UverbsException.NotSupported($"MODIFY_WQ of flags 0x{changed:x}");
        }

        if (changed != 0)
        {
            context.Device.Nic.StripVlan(queue, (asked.flags & IB_UVERBS_WQ_FLAGS_CVLAN_STRIPPING) != 0);
        }

        if (next != queue.State)
        {
            context.Device.Nic.Modify(queue, next);
        }
    }
}
