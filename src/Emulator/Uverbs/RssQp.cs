using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A queue pair without queues: a hash over a table of receive queues.</summary>
internal sealed class RssQp : Qp
{
    private const int KeyBytes = 40;
    private const ulong Ip4 = 0x3;    // enum mlx5_rx_hash_fields, both directions
    private const ulong Ip6 = 0xC;
    private const ulong Tcp = 0x30;
    private const ulong Udp = 0xC0;
    private const ulong IpsecSpi = 0x100; // taken by all devices, told by those only that do IPsec
    private const ulong Inner = 0x8000_0000;

    /// <summary>What the device says that a hash can take in (enum mlx5_rx_hash_fields).</summary>
    public const ulong HashFields = Ip4 | Ip6 | Tcp | Udp | Inner;

    private readonly RssQueuePair _queue;

    private RssQp(UverbsContext context, RssQueuePair queue, ObjectEvents events, params IEnumerable<UverbsObject?> uses)
        : base(context, events, uses) => _queue = queue;

    public override FlowDestination Destination => _queue;

    /// <summary>The NIC holds nothing for it: it is no more than what its flows lead to.</summary>
    public override void Release()
    {
    }

    public static unsafe Qp Create(UverbsContext context, in IoctlFrame frame)
    {
        mlx5_ib_create_qp_rss driver = frame.DriverInput<mlx5_ib_create_qp_rss>();
        RwqIndTbl table = context.Get<RwqIndTbl>(frame.Number(UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE));
        Pd pd = context.Get<Pd>(frame.Number(UVERBS_ATTR_CREATE_QP_PD_HANDLE));
        Check(driver, frame.Number(UVERBS_ATTR_CREATE_QP_FLAGS), table.Table.Queues.Count);
        ObjectEvents events = context.Events(frame, UVERBS_ATTR_CREATE_QP_EVENT_FD, frame.Number(UVERBS_ATTR_CREATE_QP_USER_HANDLE));
        RssQueuePair queue = context.Device.Nic.CreateRssQueuePair(new RssParameters
        {
            Context = context.NicContext,
            SelfLoopback = SelfLoopbackOf((mlx5_ib_qp_flags)driver.flags),
            OffloadsTunnels = ((mlx5_ib_qp_flags)driver.flags).HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_TUNNEL_OFFLOADS),
            Table = table.Table,
            Fields = (RssFields)driver.rx_hash_fields_mask,
            Key = new ReadOnlySpan<byte>(driver.rx_hash_key, KeyBytes).ToArray(),
        });
        var qp = new RssQp(context, queue, events, pd, table);
        frame.Output(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, 0);
        frame.Output(UVERBS_ATTR_UHW_OUT, default(mlx5_ib_create_qp_resp));
        return qp;
    }

    /// <summary>Linux, drivers/infiniband/hw/mlx5/qp.c, create_rss_raw_qp_tir.</summary>
    private static void Check(in mlx5_ib_create_qp_rss driver, ulong createFlags, int tableSize)
    {
        ulong fields = driver.rx_hash_fields_mask;
        var flags = (mlx5_ib_qp_flags)driver.flags;
        const mlx5_ib_qp_flags Known = mlx5_ib_qp_flags.MLX5_QP_FLAG_TUNNEL_OFFLOADS
            | mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC | mlx5_ib_qp_flags.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC;
        bool innerIsAllowed = (fields & Inner) == 0 || flags.HasFlag(mlx5_ib_qp_flags.MLX5_QP_FLAG_TUNNEL_OFFLOADS);
        bool known = driver.rx_hash_function == Mlx5Abi.MLX5_RX_HASH_FUNC_TOEPLITZ && driver.comp_mask == 0
            && (flags & ~Known) == default && innerIsAllowed && (fields & ~(HashFields | IpsecSpi)) == 0;
        if (!known)
        {
            throw UverbsException.NotSupported($"RSS with function {driver.rx_hash_function}, fields 0x{fields:x}, flags 0x{driver.flags:x}");
        }

        bool oneFamily = (fields & Ip4) == 0 || (fields & Ip6) == 0;
        bool oneTransport = new[] { Tcp, Udp, IpsecSpi }.Count(transport => (fields & transport) != 0) <= 1;
        if (driver.rx_key_len != KeyBytes || !oneFamily || !oneTransport || createFlags != 0 || (fields == 0 && tableSize > 1))
        {
            throw UverbsException.Invalid($"RSS over fields 0x{fields:x} with a key of {driver.rx_key_len} bytes");
        }
    }
}
