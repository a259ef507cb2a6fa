using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;

namespace Verbena.Emulator.Uverbs;

/// <summary>A queue pair with a send queue, a receive queue, or both.</summary>
internal sealed class RawPacketQp : Qp
{
    /// <summary>IBV_QP_RATE_LIMIT</summary>
    public const uint RateLimit = 1 << 25;

    private const uint QpState = 1;        // enum ibv_qp_attr_mask
    private const uint QpPort = 1 << 5;
    private const byte SendQueueError = 5; // IBV_QPS_SQE
    private const int SegmentBytes = 16;

    private readonly QueuePair _queue;
    private readonly ib_uverbs_query_qp_resp _constants; // what the answer to a query always holds

    private RawPacketQp(
        UverbsContext context, QueuePair queue, ib_uverbs_query_qp_resp constants, ObjectEvents events, params IEnumerable<UverbsObject?> uses)
        : base(context, events, uses)
    {
        _queue = queue;
        _constants = constants;
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
            OffloadsTunnels = driver.flags.HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_TUNNEL_OFFLOADS),
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
            StripsVlan = (frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS) & IB_UVERBS_QP_CREATE_CVLAN_STRIPPING) != 0,
            KeepsFcs = (frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS) & IB_UVERBS_QP_CREATE_SCATTER_FCS) != 0,
            OnFatal = () => events.Send(ibv_event_type.IBV_EVENT_QP_FATAL),
        });
        var qp = new RawPacketQp(context, queue, Constants(driver, frame), events, pd, send, receive);
        frame.Output(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, queue.Number);
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_create_qp_resp { bfreg_index = driver.bfreg_index });
        return qp;
    }

    /// <summary>Moves the queue pair along RESET → INIT → RTR → RTS, or back to RESET, or to ERR, as for raw packets.</summary>
    /// <remarks>
    /// Linux, drivers/infiniband/core/verbs.c, qp_state_table: of the other attributes only the rate limit belongs to
    /// IB_QPT_RAW_PACKET. hw/mlx5/qp.c, modify_raw_packet_qp: INIT to itself changes nothing.
    /// </remarks>
    public void Modify(in ib_uverbs_modify_qp asked, uint rateLimit)
    {
        bool moves = (asked.attr_mask & QpState) != 0;
        QueuePairState next = moves ? (QueuePairState)asked.qp_state : _queue.State;
        uint others = asked.attr_mask & ~QpState;
        bool allowed = (_queue.State, next) switch
        {
            (_, QueuePairState.Reset or QueuePairState.Error) => others == 0,
            (QueuePairState.Reset, QueuePairState.Init) => others == QpPort && asked.port_num == 1,
            (QueuePairState.Init, QueuePairState.Init or QueuePairState.ReadyToReceive) => others == 0,
            (QueuePairState.ReadyToReceive or QueuePairState.ReadyToSend, QueuePairState.ReadyToSend) => (others & ~RateLimit) == 0,
            _ => false,
        };
        bool paces = (others & RateLimit) != 0;
        if (!allowed || (paces && rateLimit > DeviceQueries.MaxRateKilobits))
        {
            throw UverbsException.Invalid(
                $"MODIFY_QP from {_queue.State} to {next} with attributes 0x{asked.attr_mask:x}, rate limit {rateLimit}");
        }

        if (next != _queue.State || next is QueuePairState.Reset or QueuePairState.Error)
        {
            Device.Nic.Modify(_queue, next);
        }

        if (paces)
        {
            Device.Nic.SetRate(_queue, rateLimit);
        }
    }

    /// <summary>The kernel's part of the answer; libmlx5 adds what it knows of the send side.</summary>
    /// <remarks>Linux, drivers/infiniband/hw/mlx5/qp.c, query_raw_packet_qp_state: the state follows from those of both queues.</remarks>
    public ib_uverbs_query_qp_resp Query()
    {
        byte state = _queue.HasOnlySendFailed ? SendQueueError : (byte)_queue.State;
        return _constants with { qp_state = state, cur_qp_state = state };
    }

    private static ib_uverbs_query_qp_resp Constants(in mlx5_ib_create_qp driver, in IoctlFrame frame) => new()
    {
        max_recv_wr = driver.rq_wqe_count,
        max_recv_sge = driver.rq_wqe_count == 0 ? 0 : (1u << (int)driver.rq_wqe_shift) / SegmentBytes,
        port_num = 1,
        sq_sig_all = (frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS) & Capabilities.IB_UVERBS_QP_CREATE_SQ_SIG_ALL) != 0 ? (byte)1 : (byte)0,
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

        UserMemory.Demand(driver.sq_buf_addr, (ulong)driver.sq_wqe_count * Mlx5Wqe.MLX5_SEND_WQE_BB, writable: true);
        UserMemory.Demand(driver.buf_addr, (ulong)driver.rq_wqe_count << (int)driver.rq_wqe_shift, writable: true);
        UserMemory.Demand(driver.db_addr, 2 * sizeof(uint), writable: true);
    }
}
