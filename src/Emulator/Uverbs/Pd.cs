using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A protection domain: queues reach only memory that was registered in theirs.</summary>
internal sealed class Pd : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("PD_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_PD, Interop.Uverbs.Methods.UVERBS_METHOD_PD_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Pd>(frame.Number(UVERBS_ATTR_DESTROY_PD_HANDLE))),
            [Handle(UVERBS_ATTR_DESTROY_PD_HANDLE)]),
        new("PD_QUERY", (ushort)uverbs_default_objects.UVERBS_OBJECT_PD, Interop.Uverbs.Methods.MLX5_IB_METHOD_PD_QUERY,
            static (UverbsContext context, in IoctlFrame frame) => frame.Output(
                MLX5_IB_ATTR_QUERY_PD_RESP_PDN, context.Get<Pd>(frame.Number(MLX5_IB_ATTR_QUERY_PD_HANDLE)).Number),
            [Handle(MLX5_IB_ATTR_QUERY_PD_HANDLE), Out(MLX5_IB_ATTR_QUERY_PD_RESP_PDN, 4)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("ALLOC_PD", WriteCommands.IB_USER_VERBS_CMD_ALLOC_PD, Alloc, In<ib_uverbs_alloc_pd>(UVERBS_ATTR_CORE_IN),
            Out<ib_uverbs_alloc_pd_resp>(UVERBS_ATTR_CORE_OUT), DriverOut<mlx5_ib_alloc_pd_resp>()),
    ];

    private Pd(UverbsContext context)
        : base(context)
    {
        Number = Device.NextProtectionDomain();
    }

    /// <summary>The number by which the NIC knows it.</summary>
    public uint Number { get; }

    public override void Release()
    {
    }

    private static void Alloc(UverbsContext context, in IoctlFrame frame)
    {
        var pd = new Pd(context);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_alloc_pd_resp { pd_handle = pd.Handle });
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_alloc_pd_resp { pdn = pd.Number });
    }
}
