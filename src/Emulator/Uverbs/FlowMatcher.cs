using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.mlx5_ib_create_flow_flags;
using static Verbena.Interop.Uverbs.mlx5_ib_uapi_flow_table_type;

namespace Verbena.Emulator.Uverbs;

/// <summary>A mask at a priority, with which flows are made in the hardware's own terms (mlx5dv_create_flow_matcher).</summary>
/// <remarks>
/// Linux, drivers/infiniband/hw/mlx5/fs.c: a matcher is no more than what its flows have in common; what it can't do
/// shows when the first flow is made. Its flows lie in the same tables as those that ibv_create_flow makes.
/// </remarks>
internal sealed class FlowMatcher : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("FLOW_MATCHER_CREATE", (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_FLOW_MATCHER, Interop.Uverbs.Methods.MLX5_IB_METHOD_FLOW_MATCHER_CREATE,
            Create,
            [NewHandle(MLX5_IB_ATTR_FLOW_MATCHER_CREATE_HANDLE), In(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK, 1, MatchParameters.MaxBytes),
            Choice(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE, Types, sizeof(ushort)), In(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_CRITERIA, sizeof(byte))],
            Flags(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS), In(MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE, sizeof(ulong))),
        new("FLOW_MATCHER_DESTROY", (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_FLOW_MATCHER, Interop.Uverbs.Methods.MLX5_IB_METHOD_FLOW_MATCHER_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<FlowMatcher>(frame.Number(MLX5_IB_ATTR_FLOW_MATCHER_DESTROY_HANDLE))),
            [Handle(MLX5_IB_ATTR_FLOW_MATCHER_DESTROY_HANDLE)]),
        new("FLOW_CREATE", (ushort)uverbs_default_objects.UVERBS_OBJECT_FLOW, Interop.Uverbs.Methods.MLX5_IB_METHOD_CREATE_FLOW,
            CreateFlow,
            [NewHandle(MLX5_IB_ATTR_CREATE_FLOW_HANDLE), In(MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE, 1, MatchParameters.MaxBytes),
            Handle(MLX5_IB_ATTR_CREATE_FLOW_MATCHER)],
            Handle(MLX5_IB_ATTR_CREATE_FLOW_DEST_QP), In(MLX5_IB_ATTR_CREATE_FLOW_TAG, sizeof(uint)), Flags(MLX5_IB_ATTR_CREATE_FLOW_FLAGS),
            Handle(MLX5_IB_ATTR_CREATE_FLOW_DEST_DEVX), Any(AttributeKind.Input, MLX5_IB_ATTR_CREATE_FLOW_ARR_FLOW_ACTIONS),
            Any(AttributeKind.Input, MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX),
            Any(AttributeKind.Input, MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX_OFFSET)),
    ];

    private const int Types = 4; // enum mlx5_ib_flow_type
    private const uint MaxTag = (1 << 24) - 1;
    private readonly byte[] _mask;
    private readonly MatchCriteria _criteria;
    private readonly mlx5_ib_flow_type _type;
    private readonly int _priority;
    private readonly mlx5_ib_uapi_flow_table_type _table;

    private FlowMatcher(UverbsContext context, in IoctlFrame frame, mlx5_ib_uapi_flow_table_type table)
        : base(context)
    {
        _mask = frame.InputBytes(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK).ToArray();
        _criteria = (MatchCriteria)frame.Number(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_CRITERIA);
        _type = (mlx5_ib_flow_type)frame.Variant(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE);
        _priority = (ushort)frame.Number(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE);
        _table = table;
    }

    public override void Release()
    {
    }

    private static void Create(UverbsContext context, in IoctlFrame frame) =>
        frame.OutputNew(MLX5_IB_ATTR_FLOW_MATCHER_CREATE_HANDLE, new FlowMatcher(context, frame, Table(frame)).Handle);

    private static void CreateFlow(UverbsContext context, in IoctlFrame frame)
    {
        Privileges.DemandNetRaw(frame, "FLOW_CREATE");
        foreach (ushort id in (ReadOnlySpan<ushort>)[MLX5_IB_ATTR_CREATE_FLOW_DEST_DEVX, MLX5_IB_ATTR_CREATE_FLOW_ARR_FLOW_ACTIONS,
            MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX])
        {
            if (frame.Has(id))
            {
                throw new UverbsException(Errno.ENOENT, $"attribute 0x{id:x} names an object that only DevX can make");
            }
        }

        FlowMatcher matcher = context.Get<FlowMatcher>(frame.Number(MLX5_IB_ATTR_CREATE_FLOW_MATCHER));
        Qp? qp = frame.Has(MLX5_IB_ATTR_CREATE_FLOW_DEST_QP) ? context.Get<Qp>(frame.Number(MLX5_IB_ATTR_CREATE_FLOW_DEST_QP)) : null;
        FlowRule rule = context.Device.Nic.AddFlow(matcher.Flow(frame, qp));
        frame.OutputNew(MLX5_IB_ATTR_CREATE_FLOW_HANDLE, new Flow(context, rule, matcher, qp).Handle);
    }

    /// <summary>mlx5_ib_matcher_ns</summary>
    private static mlx5_ib_uapi_flow_table_type Table(in IoctlFrame frame)
    {
        bool hasFlags = frame.Has(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS);
        var type = (mlx5_ib_uapi_flow_table_type)frame.Number(MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE);
        var flags = (ibv_flow_flags)frame.Number(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS);
        if ((frame.Has(MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE) && hasFlags) || !Enum.IsDefined(type)
            || (flags & ~ibv_flow_flags.IBV_FLOW_ATTR_FLAGS_EGRESS) != default)
        {
            throw UverbsException.Invalid($"flow matcher for table type {type}, flags 0x{(uint)flags:x}");
        }

        return flags != default ? MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_TX : type;
    }

    private FlowParameters Flow(in IoctlFrame frame, Qp? qp)
    {
        var flags = (mlx5_ib_create_flow_flags)frame.Number(MLX5_IB_ATTR_CREATE_FLOW_FLAGS);
        bool isEgress = _table == MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_TX;
        CheckDestination(flags, qp, isEgress);
        ulong tag = frame.Number(MLX5_IB_ATTR_CREATE_FLOW_TAG);
        if (tag > MaxTag)
        {
            throw UverbsException.Invalid($"flow tag 0x{tag:x}: 24 bits");
        }

        if (_type != mlx5_ib_flow_type.MLX5_IB_FLOW_TYPE_NORMAL || _table > MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_TX)
        {
            throw UverbsException.NotSupported($"flow of type {_type} in {_table}");
        }

        return new FlowParameters
        {
            Context = Context.NicContext,
            Destination = qp?.Destination,
            IsEgress = isEgress,
            Action = flags.HasFlag(MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP) ? FlowAction.Drop
                : flags.HasFlag(MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DEFAULT_MISS) ? FlowAction.DefaultMiss
                : FlowAction.Forward,
            Priority = _priority,
            Match = FlowMatch.OfParameters(frame.InputBytes(MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE), _mask, _criteria),
            Tag = frame.Has(MLX5_IB_ATTR_CREATE_FLOW_TAG) ? (uint)tag : null,
        };
    }

    /// <summary>get_dests</summary>
    private static void CheckDestination(mlx5_ib_create_flow_flags flags, Qp? qp, bool isEgress)
    {
        const mlx5_ib_create_flow_flags Known = MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DEFAULT_MISS | MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP;
        if ((flags & ~Known) != default || flags == Known || (qp is not null && (isEgress || flags != default)))
        {
            throw UverbsException.Invalid($"flow with flags {flags} {(qp is null ? "and no" : "and a")} queue pair");
        }
    }
}
