using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A receive-WQ indirection table.</summary>
internal sealed class RwqIndTbl : UverbsObject
{
    public const int MaxLog2Size = 11;

    public static readonly MethodCommand[] Methods =
    [
        new("RWQ_IND_TBL_DESTROY", (ushort)uverbs_default_objects.UVERBS_OBJECT_RWQ_IND_TBL,
            Interop.Uverbs.Methods.UVERBS_METHOD_RWQ_IND_TBL_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<RwqIndTbl>(frame.Number(UVERBS_ATTR_DESTROY_RWQ_IND_TBL_HANDLE))),
            [Handle(UVERBS_ATTR_DESTROY_RWQ_IND_TBL_HANDLE)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("CREATE_RWQ_IND_TBL", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_CREATE_RWQ_IND_TBL,
            Create, In<ib_uverbs_ex_create_rwq_ind_table>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_ex_create_rwq_ind_table_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private RwqIndTbl(UverbsContext context, IndirectionTable table, Wq[] queues)
        : base(context, queues) => Table = table;

    public IndirectionTable Table { get; }

    public override void Release()
    {
    }

    private static unsafe void Create(UverbsContext context, in IoctlFrame frame)
    {
        ReadOnlySpan<byte> input = frame.InputBytes(UVERBS_ATTR_CORE_IN);
        ib_uverbs_ex_create_rwq_ind_table asked = MemoryMarshal.Read<ib_uverbs_ex_create_rwq_ind_table>(input);
        ReadOnlySpan<uint> handles = MemoryMarshal.Cast<byte, uint>(input[sizeof(ib_uverbs_ex_create_rwq_ind_table)..]);
        if (asked.comp_mask != 0 || asked.log_ind_tbl_size > MaxLog2Size || handles.Length < 1 << (int)asked.log_ind_tbl_size)
        {
            throw UverbsException.Invalid($"indirection table of 2^{asked.log_ind_tbl_size} entries: at most 2^{MaxLog2Size}, all of them given");
        }

        var queues = new Wq[1 << (int)asked.log_ind_tbl_size];
        for (int i = 0; i < queues.Length; i++)
        {
            queues[i] = context.Get<Wq>(handles[i]);
        }

        IndirectionTable table = context.Device.Nic.CreateIndirectionTable([.. queues.Select(queue => queue.Queue)]);
        var created = new RwqIndTbl(context, table, queues);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_ex_create_rwq_ind_table_resp
        {
            response_length = (uint)sizeof(ib_uverbs_ex_create_rwq_ind_table_resp),
            ind_tbl_handle = created.Handle,
            ind_tbl_num = created.Handle,
        });
    }
}
