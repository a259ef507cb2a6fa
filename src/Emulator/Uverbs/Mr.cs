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
        new("ADVISE_MR", (ushort)uverbs_default_objects.UVERBS_OBJECT_MR, Interop.Uverbs.Methods.UVERBS_METHOD_ADVISE_MR,
            static (UverbsContext _, in IoctlFrame _) => throw UverbsException.NotSupported("advice is for memory paged on demand"),
            [Handle(UVERBS_ATTR_ADVISE_MR_PD_HANDLE), In(UVERBS_ATTR_ADVISE_MR_ADVICE, 8), Flags(UVERBS_ATTR_ADVISE_MR_FLAGS),
            In<ib_uverbs_sge>(UVERBS_ATTR_ADVISE_MR_SGE_LIST)]),
        new("QUERY_MR", (ushort)uverbs_default_objects.UVERBS_OBJECT_MR, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_MR, Query,
            [Handle(UVERBS_ATTR_QUERY_MR_HANDLE), Out(UVERBS_ATTR_QUERY_MR_RESP_LKEY, 4), Out(UVERBS_ATTR_QUERY_MR_RESP_RKEY, 4),
            Out(UVERBS_ATTR_QUERY_MR_RESP_LENGTH, 8)], Out(UVERBS_ATTR_QUERY_MR_RESP_IOVA, 8)),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("REG_MR", WriteCommands.IB_USER_VERBS_CMD_REG_MR, Register,
            In<ib_uverbs_reg_mr>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_reg_mr_resp>(UVERBS_ATTR_CORE_OUT)),
        new("REREG_MR", WriteCommands.IB_USER_VERBS_CMD_REREG_MR, Reregister,
            In<ib_uverbs_rereg_mr>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_rereg_mr_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private const uint KnownAccess = 0xFF | IB_UVERBS_ACCESS_OPTIONAL_RANGE;
    private const ulong PageBytes = 4096;
    private const uint ChangeTranslation = 1; // enum ibv_rereg_mr_flags
    private const uint ChangePd = 2;
    private const uint ChangeAccess = 4;
    private MemoryRegion _region;
    private uint _access;
    private Pd _pd;

    private Mr(UverbsContext context, Pd pd, MemoryRegion region, uint access)
        : base(context, pd)
    {
        _pd = pd;
        _region = region;
        _access = access;
    }

    public override void Release() => Device.Nic.Deregister(_region);

    private static void Register(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_reg_mr asked = frame.Input<ib_uverbs_reg_mr>(UVERBS_ATTR_CORE_IN);
        CheckAccess(asked.access_flags);
        CheckMemory(asked.start, asked.length, asked.hca_va, asked.access_flags);
        Pd pd = context.Get<Pd>(asked.pd_handle);
        MemoryRegion region = context.Device.Nic.RegisterMemory(pd.Number, asked.start, asked.length, asked.hca_va, Access(asked.access_flags));
        var mr = new Mr(context, pd, region, asked.access_flags);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_reg_mr_resp { mr_handle = mr.Handle, lkey = region.Lkey, rkey = region.Lkey });
    }

    /// <summary>Linux, drivers/infiniband/core/uverbs_cmd.c, ib_uverbs_rereg_mr. The region keeps its key.</summary>
    private static void Reregister(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_rereg_mr asked = frame.Input<ib_uverbs_rereg_mr>(UVERBS_ATTR_CORE_IN);
        if ((asked.flags & ~(ChangeTranslation | ChangePd | ChangeAccess)) != 0)
        {
            throw UverbsException.NotSupported($"REREG_MR with flags 0x{asked.flags:x}");
        }

        if (asked.flags == 0)
        {
            throw UverbsException.Invalid("REREG_MR says nothing to change");
        }

        Mr mr = context.Get<Mr>(asked.mr_handle);
        bool moves = (asked.flags & ChangeTranslation) != 0;
        MemoryRegion old = mr._region;
        uint access = (asked.flags & ChangeAccess) != 0 ? asked.access_flags : mr._access;
        Pd pd = (asked.flags & ChangePd) != 0 ? context.Get<Pd>(asked.pd_handle) : mr._pd;
        (ulong start, ulong length, ulong iova) = moves
            ? (asked.start, asked.length, asked.hca_va)
            : (old.Start, old.LengthBytes, old.Iova);
        CheckAccess(access);
        CheckMemory(start, length, iova, access);
        mr._region = context.Device.Nic.ReregisterMemory(old, pd.Number, start, length, iova, Access(access));
        mr._access = access;
        mr._pd = pd;
        mr.UseInstead(pd);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_rereg_mr_resp { lkey = mr._region.Lkey, rkey = mr._region.Lkey });
    }

    private static MrAccess Access(uint flags) => (flags & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0 ? MrAccess.LocalWrite : MrAccess.None;

    /// <summary>Linux, include/rdma/ib_verbs.h, ib_check_mr_access.</summary>
    private static void CheckAccess(uint access)
    {
        const uint Writing = IB_UVERBS_ACCESS_REMOTE_WRITE | IB_UVERBS_ACCESS_REMOTE_ATOMIC;
        bool writable = (access & Writing) == 0 || (access & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0;
        if (!writable || (access & ~KnownAccess) != 0)
        {
            throw UverbsException.Invalid($"a memory region with access 0x{access:x}: not a valid combination");
        }

        if ((access & IB_UVERBS_ACCESS_ON_DEMAND) != 0)
        {
            throw UverbsException.NotSupported("a memory region paged on demand");
        }
    }

    private static void CheckMemory(ulong start, ulong lengthBytes, ulong iova, uint access)
    {
        bool whole = lengthBytes != 0 && (UInt128)start + lengthBytes + PageBytes <= ulong.MaxValue;
        if (!whole || start % PageBytes != iova % PageBytes)
        {
            throw UverbsException.Invalid($"a memory region of {lengthBytes} bytes at 0x{start:x}, called 0x{iova:x}");
        }

        UserMemory.Demand(start, lengthBytes, writable: (access & IB_UVERBS_ACCESS_LOCAL_WRITE) != 0);
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
