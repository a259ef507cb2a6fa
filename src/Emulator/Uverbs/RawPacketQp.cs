using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A queue pair with a send queue, a receive queue, or both.</summary>
internal sealed class RawPacketQp : Qp
{
    private const uint QpState = 1;        // enum ibv_qp_attr_mask
    private const uint QpPort = 1 << 5;

    private readonly QueuePair _queue;
    private readonly ib_uverbs_qp_cap _capacity;

    private RawPacketQp(UverbsContext context, QueuePair queue, ib_uverbs_qp_cap capacity, ObjectEvents events, params IEnumerable<UverbsObject?> uses)
        : base(context, events, uses)
    {
        _queue = queue;
        _capacity = capacity;
    }

    public override FlowDestination Destination => _queue;

    public override void Release() => Device.Nic.Destroy(_queue);

    public static Qp Create(UverbsContext context, in IoctlFrame frame)
    {
        mlx5_ib_create_qp driver = frame.DriverInput<mlx5_ib_create_qp>();
        ib_uverbs_qp_cap capacity = frame.Input<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_CAP);
        Check(driver, capacity);
        Pd pd = context.Get<Pd>(frame.Number(UVERBS_ATTR_CREATE_QP_PD_HANDLE));
        Cq? send = driver.sq_wqe_count > 0 ? context.Get<Cq>(frame.Number(UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE)) : null;
        Cq? receive = driver.rq_wqe_count > 0 ? context.Get<Cq>(frame.Number(UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE)) : null;
        ObjectEvents events = context.Events(frame, UVERBS_ATTR_CREATE_QP_EVENT_FD, frame.Number(UVERBS_ATTR_CREATE_QP_USER_HANDLE));
        QueuePair queue = context.Device.Nic.CreateQueuePair(new QueuePairParameters
        {
            Context = context.NicContext,
            SelfLoopback = SelfLoopbackOf(driver.flags),
            ProtectionDomain = pd.Number,
            DoorbellRecordAddress = driver.db_addr,
            UarPage = Uar.CheckPage(context, driver.bfreg_index),
            UserIndex = driver.uidx & 0xFF_FFFF,
            SendBufferAddress = driver.sq_buf_addr,
            SendBlocks = (int)driver.sq_wqe_count,
            SendCompletions = send?.Queue,
            ReceiveBufferAddress = driver.buf_addr,
            ReceiveEntries = (int)driver.rq_wqe_count,
            ReceiveStrideLog2 = driver.rq_wqe_count > 0 ? (int)driver.rq_wqe_shift : 4,
            ReceiveCompletions = receive?.Queue,
            OnFatal = () => events.Send(ibv_event_type.IBV_EVENT_QP_FATAL),
        });
        var qp = new RawPacketQp(context, queue, capacity, events, pd, send, receive);
        frame.Output(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, queue.Number);
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_create_qp_resp { bfreg_index = driver.bfreg_index });
        return qp;
    }

    /// <summary>Moves the queue pair along RESET → INIT → RTR → RTS, or back to RESET, or to ERR, as for raw packets.</summary>
    /// <remarks>Linux, drivers/infiniband/core/verbs.c, qp_state_table: no other attributes belong to IB_QPT_RAW_PACKET.</remarks>
    public void Modify(in ib_uverbs_modify_qp asked)
    {
        var next = (QueuePairState)asked.qp_state;
        bool allowed = (_queue.State, next) switch
        {
            (_, QueuePairState.Reset or QueuePairState.Error) => asked.attr_mask == QpState,
            (QueuePairState.Reset, QueuePairState.Init) => asked.attr_mask == (QpState | QpPort) && asked.port_num == 1,
            (QueuePairState.Init, QueuePairState.ReadyToReceive) => asked.attr_mask == QpState,
            (QueuePairState.ReadyToReceive, QueuePairState.ReadyToSend) => asked.attr_mask == QpState,
            _ => false,
        };
        if (!allowed)
        {
            throw UverbsException.Invalid($"MODIFY_QP from {_queue.State} to {next} with attributes 0x{asked.attr_mask:x}");
        }

        Device.Nic.Modify(_queue, next);
    }

    /// <summary>The kernel's part of the answer; libmlx5 adds what it knows of the send side.</summary>
    public ib_uverbs_query_qp_resp Query() => new()
    {
        max_recv_wr = _capacity.max_recv_wr,
        max_recv_sge = _capacity.max_recv_sge,
        qp_state = (byte)_queue.State,
        cur_qp_state = (byte)_queue.State,
        port_num = 1,
    };

    private static void Check(in mlx5_ib_create_qp driver, in ib_uverbs_qp_cap capacity)
    {
        const uint Most = DeviceQueries.MaxWorkRequests;
        bool sized = driver.sq_wqe_count <= Most && driver.rq_wqe_count <= Most && driver.sq_wqe_count + driver.rq_wqe_count > 0;
        bool powers = (driver.sq_wqe_count & (driver.sq_wqe_count - 1)) == 0 && (driver.rq_wqe_count & (driver.rq_wqe_count - 1)) == 0;
        if (!sized || !powers || driver.rq_wqe_shift > 9 || capacity.max_recv_wr > Most)
        {
            throw UverbsException.Invalid($"QP with {driver.sq_wqe_count} send blocks, {driver.rq_wqe_count} receive entries: powers of two to {Most}");
        }

        const mlx5_ib_qp_flags Known = mlx5_ib_qp_flags.MLX5_QP_FLAG_SCATTER_CQE | mlx5_ib_qp_flags.MLX5_QP_FLAG_UAR_PAGE_INDEX
            | mlx5_ib_qp_flags.MLX5_QP_FLAG_TUNNEL_OFFLOADS
            | mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC | mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC;
        if ((uint)(driver.flags & ~Known) != 0 || !driver.flags.HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_UAR_PAGE_INDEX))
        {
            throw UverbsException.NotSupported($"QP with mlx5 flags 0x{(uint)driver.flags:x}");
        }
    }
}
