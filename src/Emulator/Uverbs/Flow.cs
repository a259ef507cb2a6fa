using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Verbs.ibv_flow_flags;

namespace Verbena.Emulator.Uverbs;

/// <summary>A rule that steers frames, made of specifications of headers or by a <see cref="FlowMatcher"/>.</summary>
internal sealed class Flow : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("FLOW_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_FLOW, Interop.Uverbs.Methods.UVERBS_METHOD_FLOW_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Flow>(frame.Number(UVERBS_ATTR_DESTROY_FLOW_HANDLE))),
            [Handle(UVERBS_ATTR_DESTROY_FLOW_HANDLE)]),
        new("FLOW_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_FLOW, Interop.Uverbs.Methods.MLX5_IB_METHOD_DESTROY_FLOW,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Flow>(frame.Number(MLX5_IB_ATTR_DESTROY_FLOW_HANDLE))),
            [Handle(MLX5_IB_ATTR_DESTROY_FLOW_HANDLE)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("CREATE_FLOW", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_CREATE_FLOW,
            Create, In<ib_uverbs_create_flow>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_create_flow_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private const int MaxSpecs = 10;       // IB_FLOW_SPEC_SUPPORT_LAYERS
    private const int LargestSpecBytes = 88; // of an IPv6 header
    private const uint FlagsEnd = 1 << 3;  // IB_FLOW_ATTR_FLAGS_RESERVED
    private readonly FlowRule _rule;

    public Flow(UverbsContext context, FlowRule rule, params IEnumerable<UverbsObject?> uses)
        : base(context, uses) => _rule = rule;

    public override void Release() => Device.Nic.RemoveFlow(_rule);

    private static unsafe void Create(UverbsContext context, in IoctlFrame frame)
    {
        ReadOnlySpan<byte> input = frame.InputBytes(UVERBS_ATTR_CORE_IN);
        ib_uverbs_create_flow asked = MemoryMarshal.Read<ib_uverbs_create_flow>(input);
        ReadOnlySpan<byte> specBytes = input[sizeof(ib_uverbs_create_flow)..];
        Check(frame, asked, specBytes);
        Qp qp = context.Find<Qp>(asked.qp_handle) ?? throw UverbsException.Invalid($"handle {asked.qp_handle} is no queue pair");
        IReadOnlyList<FlowSpec> specs = FlowSpecs.Parse(specBytes[..asked.flow_attr.size], asked.flow_attr.num_of_specs);
        FlowRule rule = context.Device.Nic.AddFlow(Parameters(context, asked.flow_attr, specs, qp));
        var flow = new Flow(context, rule, qp);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_create_flow_resp { flow_handle = flow.Handle });
    }

    /// <summary>Default flows and sniffers match what they match: specifications are read, and that is all.</summary>
    private static FlowParameters Parameters(UverbsContext context, in ib_uverbs_flow_attr asked, IReadOnlyList<FlowSpec> specs, Qp qp)
    {
        var type = (FlowType)asked.type;
        var flags = (ibv_flow_flags)asked.flags;
        bool isNormal = type == FlowType.Normal;
        bool isEgress = flags.HasFlag(IBV_FLOW_ATTR_FLAGS_EGRESS);
        bool drops = isNormal && specs.Any(spec => spec is DropSpec);
        return new FlowParameters
        {
            Context = context.NicContext,
            Destination = isEgress || drops ? null : qp.Destination,
            Type = type,
            IsEgress = isEgress,
            Action = drops ? FlowAction.Drop : FlowAction.Forward,
            Priority = asked.priority,
            DontTrap = isNormal && flags.HasFlag(IBV_FLOW_ATTR_FLAGS_DONT_TRAP),
            Match = isNormal ? FlowMatch.Of(specs) : default,
            Tag = isNormal ? specs.OfType<TagSpec>().LastOrDefault()?.Tag : null,
        };
    }

    /// <summary>Linux, drivers/infiniband/core/uverbs_cmd.c, ib_uverbs_ex_create_flow; hw/mlx5/fs.c, mlx5_ib_create_flow; in their order.</summary>
    private static unsafe void Check(in IoctlFrame frame, in ib_uverbs_create_flow asked, ReadOnlySpan<byte> specs)
    {
        ib_uverbs_flow_attr attributes = asked.flow_attr;
        var flags = (ibv_flow_flags)attributes.flags;
        bool isDefault = attributes.type is (uint)FlowType.AllDefault or (uint)FlowType.MulticastDefault;
        if (asked.comp_mask != 0)
        {
            throw UverbsException.Invalid($"flow with comp_mask 0x{asked.comp_mask:x}");
        }

        Privileges.DemandNetRaw(frame, "CREATE_FLOW");
        bool sound = attributes.flags < FlagsEnd && !(isDefault && flags.HasFlag(IBV_FLOW_ATTR_FLAGS_DONT_TRAP))
            && attributes.num_of_specs <= MaxSpecs && attributes.size <= attributes.num_of_specs * LargestSpecBytes
            && attributes.reserved[0] == 0 && attributes.reserved[1] == 0 && attributes.port == 1;
        if (!sound)
        {
            throw UverbsException.Invalid($"flow of type {attributes.type}, flags 0x{attributes.flags:x}, port {attributes.port}, {attributes.num_of_specs} specs");
        }

        if (attributes.size > specs.Length)
        {
            throw new UverbsException(Errno.ENOSPC, $"flow with {specs.Length} of {attributes.size} bytes of specifications");
        }

        if (specs[attributes.size..].ContainsAnyExcept((byte)0) || attributes.type > (uint)FlowType.Sniffer)
        {
            throw UverbsException.NotSupported($"flow of type {attributes.type}");
        }

        bool isEgress = flags.HasFlag(IBV_FLOW_ATTR_FLAGS_EGRESS);
        if ((flags & ~(IBV_FLOW_ATTR_FLAGS_DONT_TRAP | IBV_FLOW_ATTR_FLAGS_EGRESS)) != default || (isEgress && attributes.type != (uint)FlowType.Normal))
        {
            throw UverbsException.Invalid($"flow of type {attributes.type} with flags 0x{attributes.flags:x}");
        }
    }
}
