using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A rule that steers frames to a queue pair.</summary>
internal sealed class Flow : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("FLOW_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_FLOW, Interop.Uverbs.Methods.UVERBS_METHOD_FLOW_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Flow>(frame.Number(UVERBS_ATTR_DESTROY_FLOW_HANDLE))),
            [Handle(UVERBS_ATTR_DESTROY_FLOW_HANDLE)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("CREATE_FLOW", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_CREATE_FLOW,
            Create, In<ib_uverbs_create_flow>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_create_flow_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private const int MaxPriority = 15;
    private const int MaxSpecs = 10;
    private const uint Sniffer = 3;       // enum ibv_flow_attr_type
    private const uint DontTrap = 1 << 1; // enum ibv_flow_flags
    private const uint Egress = 1 << 2;
    private readonly FlowRule _rule;

    private Flow(UverbsContext context, FlowRule rule, Qp qp)
        : base(context, qp) => _rule = rule;

    public override void Release() => Device.Nic.RemoveFlow(_rule);

    private static unsafe void Create(UverbsContext context, in IoctlFrame frame)
    {
        Privileges.DemandNetRaw("CREATE_FLOW");
        ReadOnlySpan<byte> input = frame.InputBytes(UVERBS_ATTR_CORE_IN);
        ib_uverbs_create_flow asked = MemoryMarshal.Read<ib_uverbs_create_flow>(input);
        ReadOnlySpan<byte> specs = input[sizeof(ib_uverbs_create_flow)..];
        Check(asked, specs.Length);
        Qp qp = context.Get<Qp>(asked.qp_handle);
        (List<FlowSpec> parsed, uint? tag) = FlowSpecs.Parse(specs[..asked.flow_attr.size], asked.flow_attr.num_of_specs);
        var type = (FlowType)asked.flow_attr.type;
        bool dontTrap = (asked.flow_attr.flags & DontTrap) != 0;
        if (type != FlowType.Normal && (dontTrap || tag is not null))
        {
            throw UverbsException.Invalid("a default flow neither passes frames on nor tags them");
        }

        FlowRule rule = context.Device.Nic.AddFlow(new FlowParameters
        {
            Destination = qp.Destination,
            Type = type,
            Priority = asked.flow_attr.priority,
            DontTrap = dontTrap,
            Specs = parsed,
            Tag = tag,
        });
        var flow = new Flow(context, rule, qp);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_create_flow_resp { flow_handle = flow.Handle });
    }

    /// <summary>Linux, drivers/infiniband/core/uverbs_cmd.c, ib_uverbs_ex_create_flow; hw/mlx5/fs.c, mlx5_ib_create_flow.</summary>
    private static void Check(in ib_uverbs_create_flow asked, int specBytes)
    {
        ib_uverbs_flow_attr attributes = asked.flow_attr;
        bool sound = asked.comp_mask == 0 && attributes.flags <= (DontTrap | Egress | 1) && attributes.port == 1
            && attributes.num_of_specs <= MaxSpecs && attributes.size <= specBytes && attributes.type <= Sniffer;
        if (!sound)
        {
            throw UverbsException.Invalid($"flow of type {attributes.type}, flags 0x{attributes.flags:x}, port {attributes.port}, {attributes.num_of_specs} specs");
        }

        if (attributes.priority > MaxPriority)
        {
            throw new UverbsException(Errno.ENOMEM, $"flow priority {attributes.priority}: 0 to {MaxPriority}");
        }

        if (attributes.type == Sniffer || (attributes.flags & ~DontTrap) != 0)
        {
            throw UverbsException.NotSupported($"flow of type {attributes.type} with flags 0x{attributes.flags:x}");
        }
    }
}
