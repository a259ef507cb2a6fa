using System.Runtime.CompilerServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;

namespace Verbena.Emulator.Uverbs;

/// <summary>A queue pair of the type IBV_QPT_RAW_PACKET, with queues of its own or with an indirection table.</summary>
internal abstract class Qp : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("QP_CREATE", (ushort)uverbs_default_objects.UVERBS_OBJECT_QP, Interop.Uverbs.Methods.UVERBS_METHOD_QP_CREATE, Create,
            [NewHandle(UVERBS_ATTR_CREATE_QP_HANDLE), In(UVERBS_ATTR_CREATE_QP_USER_HANDLE, 8),
            In<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_CAP), In(UVERBS_ATTR_CREATE_QP_TYPE, 8),
            Out<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_RESP_CAP), Out(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 4)],
            Handle(UVERBS_ATTR_CREATE_QP_PD_HANDLE), Handle(UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE),
            Handle(UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE), Handle(UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE),
            Flags(UVERBS_ATTR_CREATE_QP_FLAGS), Handle(UVERBS_ATTR_CREATE_QP_EVENT_FD),
            DriverIn<mlx5_ib_create_qp, mlx5_ib_create_qp_rss>(), DriverOut<mlx5_ib_create_qp_resp>()),
        new("QP_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_QP, Interop.Uverbs.Methods.UVERBS_METHOD_QP_DESTROY, Destroy,
            [Handle(UVERBS_ATTR_DESTROY_QP_HANDLE), Out<ib_uverbs_destroy_qp_resp>(UVERBS_ATTR_DESTROY_QP_RESP)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("MODIFY_QP", WriteCommands.IB_USER_VERBS_CMD_MODIFY_QP, Modify, In<ib_uverbs_modify_qp>(UVERBS_ATTR_CORE_IN)),
        new("MODIFY_QP_EX", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_MODIFY_QP,
            ModifyExtended, In<ib_uverbs_ex_modify_qp>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_ex_modify_qp_resp>(UVERBS_ATTR_CORE_OUT),
            DriverIn<mlx5_ib_modify_qp>(), DriverOut<mlx5_ib_modify_qp_resp>()),
        new("QUERY_QP", WriteCommands.IB_USER_VERBS_CMD_QUERY_QP, Query,
            In<ib_uverbs_query_qp>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_query_qp_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private const uint StandardAttributes = (1 << 21) - 1; // those of the InfiniBand specification

    private readonly ObjectEvents _events;

    protected Qp(UverbsContext context, ObjectEvents events, params IEnumerable<UverbsObject?> uses)
        : base(context, uses) => _events = events;

    /// <summary>What a flow to this queue pair leads to.</summary>
    public abstract FlowDestination Destination { get; }

    /// <summary>Which of its context's own frames come back: the flags of the driver's part of QP_CREATE.</summary>
    protected static SelfLoopback SelfLoopbackOf(mlx5_ib_qp_flags flags) =>
        (flags.HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC) ? SelfLoopback.Unicast : SelfLoopback.None)
        | (flags.HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC) ? SelfLoopback.Multicast : SelfLoopback.None);

    private static void Create(UverbsContext context, in IoctlFrame frame)
    {
        if (frame.Number(UVERBS_ATTR_CREATE_QP_TYPE) != IB_UVERBS_QPT_RAW_PACKET)
        {
            throw UverbsException.NotSupported("queue pairs other than IBV_QPT_RAW_PACKET");
        }

        Privileges.DemandNetRaw(frame, "QP_CREATE");
        const uint Known = IB_UVERBS_QP_CREATE_BLOCK_MULTICAST_LOOPBACK | IB_UVERBS_QP_CREATE_SQ_SIG_ALL
            | IB_UVERBS_QP_CREATE_SCATTER_FCS | IB_UVERBS_QP_CREATE_CVLAN_STRIPPING | IB_UVERBS_QP_CREATE_PCI_WRITE_END_PADDING;
        if ((frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS) & ~(ulong)Known) != 0)
        {
            throw UverbsException.NotSupported($"QP with flags 0x{frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS):x}");
        }

        Qp qp = frame.Has(UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE) ? RssQp.Create(context, frame) : RawPacketQp.Create(context, frame);
        frame.Output(UVERBS_ATTR_CREATE_QP_RESP_CAP, frame.Input<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_CAP));
        frame.OutputNew(UVERBS_ATTR_CREATE_QP_HANDLE, qp.Handle);
    }

    private static void Destroy(UverbsContext context, in IoctlFrame frame)
    {
        Qp qp = context.Get<Qp>(frame.Number(UVERBS_ATTR_DESTROY_QP_HANDLE));
        context.Destroy(qp);
        frame.Output(UVERBS_ATTR_DESTROY_QP_RESP, qp._events.Reported());
    }

    private static void Modify(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_modify_qp asked = frame.Input<ib_uverbs_modify_qp>(UVERBS_ATTR_CORE_IN);
        CheckMask(asked.attr_mask, StandardAttributes);
        Stateful(context, asked.qp_handle).Modify(asked, rateLimit: 0);
    }

    private static void ModifyExtended(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_ex_modify_qp asked = frame.Input<ib_uverbs_ex_modify_qp>(UVERBS_ATTR_CORE_IN);
        CheckMask(asked.@base.attr_mask, StandardAttributes | RawPacketQp.RateLimit);
        Stateful(context, asked.@base.qp_handle).Modify(asked.@base, asked.rate_limit);
        frame.Output(UVERBS_ATTR_CORE_OUT,
            new ib_uverbs_ex_modify_qp_resp { response_length = (uint)Unsafe.SizeOf<ib_uverbs_ex_modify_qp_resp>() });
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_modify_qp_resp { response_length = (uint)Unsafe.SizeOf<mlx5_ib_modify_qp_resp>() });
    }

    /// <summary>Linux, drivers/infiniband/core/uverbs_cmd.c: each form of the command knows its attributes.</summary>
    private static void CheckMask(uint mask, uint known)
    {
        if ((mask & ~known) != 0)
        {
            throw UverbsException.NotSupported($"MODIFY_QP with attributes 0x{mask:x}");
        }
    }

    private static void Query(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_query_qp asked = frame.Input<ib_uverbs_query_qp>(UVERBS_ATTR_CORE_IN);
        frame.Output(UVERBS_ATTR_CORE_OUT, Stateful(context, asked.qp_handle).Query());
    }

    private static RawPacketQp Stateful(UverbsContext context, uint handle) =>
        context.Get<Qp>(handle) as RawPacketQp ?? throw new UverbsException(Errno.ENOSYS, "an RSS queue pair has no state");
}
