using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;

namespace Verbena.Emulator.Uverbs;

/// <summary>A memory region.</summary>
internal sealed class Mr : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("MR_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_MR, Interop.Uverbs.Methods.UVERBS_METHOD_MR_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Mr>(frame.Number(UVERBS_ATTR_DESTROY_MR_HANDLE))),
            [Handle(UVERBS_ATTR_DESTROY_MR_HANDLE)]),
        new("QUERY_MR", (ushort)uverbs_default_objects.UVERBS_OBJECT_MR, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_MR, Query,
            [Handle(UVERBS_ATTR_QUERY_MR_HANDLE), Out(UVERBS_ATTR_QUERY_MR_RESP_LKEY, 4), Out(UVERBS_ATTR_QUERY_MR_RESP_RKEY, 4),
            Out(UVERBS_ATTR_QUERY_MR_RESP_LENGTH, 8)], Out(UVERBS_ATTR_QUERY_MR_RESP_IOVA, 8)),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("REG_MR", WriteCommands.IB_USER_VERBS_CMD_REG_MR, Register,
            In<ib_uverbs_reg_mr>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_reg_mr_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private const uint KnownAccess = 0xFF | IB_UVERBS_ACCESS_OPTIONAL_RANGE;
    private const ulong PageBytes = 4096;
    private readonly MemoryRegion _region;

    private Mr(UverbsContext context, Pd pd, MemoryRegion region)
        : base(context, pd)
    {
        _region = region;
    }

    public override void Release() => Device.Nic.Deregister(_region);

    private static void Register(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_reg_mr asked = frame.Input<ib_uverbs_reg_mr>(UVERBS_ATTR_CORE_IN);
        Check(asked);
        Pd pd = context.Get<Pd>(asked.pd_handle);
        MrAccess access = (asked.access_flags & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0 ? MrAccess.LocalWrite : MrAccess.None;
        MemoryRegion region = context.Device.Nic.RegisterMemory(pd.Number, asked.start, asked.length, asked.hca_va, access);
        var mr = new Mr(context, pd, region);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_reg_mr_resp { mr_handle = mr.Handle, lkey = region.Lkey, rkey = region.Lkey });
    }

    private static void Check(in ib_uverbs_reg_mr asked)
    {
        uint access = asked.access_flags;
        const uint Writing = IB_UVERBS_ACCESS_REMOTE_WRITE | IB_UVERBS_ACCESS_REMOTE_ATOMIC;
        bool writable = (access & Writing) == 0 || (access & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0;
        bool aligned = asked.start % PageBytes == asked.hca_va % PageBytes;
        bool whole = asked.length != 0 && asked.start + asked.length + PageBytes > asked.start;
        if (!writable || !aligned || !whole || (access & ~KnownAccess) != 0)
        {
            throw UverbsException.Invalid($"REG_MR of {asked.length} bytes with access 0x{access:x}: not a valid combination");
        }

        UserMemory.Demand(asked.start, asked.length, writable: (access & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0);
    }

    private static void Query(UverbsContext context, in IoctlFrame frame)
    {
        MemoryRegion region = context.Get<Mr>(frame.Number(UVERBS_ATTR_QUERY_MR_HANDLE))._region;
        frame.Output(UVERBS_ATTR_QUERY_MR_RESP_LKEY, region.Lkey);
        frame.Output(UVERBS_ATTR_QUERY_MR_RESP_RKEY, region.Lkey);
        frame.Output(UVERBS_ATTR_QUERY_MR_RESP_LENGTH, region.LengthBytes);
        frame.Output(UVERBS_ATTR_QUERY_MR_RESP_IOVA, region.Iova);
    }
}
