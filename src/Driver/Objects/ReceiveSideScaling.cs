using System.Numerics;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>What spreads a port's packets over its queues: a table, and a queue pair for each version of IP.</summary>
internal sealed class ReceiveSideScaling : IDisposable
{
    private readonly ObjectTree _tree = new();

    public ReceiveSideScaling(
        DeviceContext device, ProtectionDomain domain, IReadOnlyList<WorkQueue> queues, RssSettings settings, RdmaInterfaceOptions options)
    {
        try
        {
            var table = _tree.Own(new IndirectionTable(device, [.. settings.Table.Select(queue => queues[queue])], options.Name));
            Ip4 = _tree.Own(new RssQueuePair(device, domain, table, settings.Key, RssQueuePair.Fields(options.Rss4), options.Name));
            Ip6 = _tree.Own(new RssQueuePair(device, domain, table, settings.Key, RssQueuePair.Fields(options.Rss6), options.Name));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>For all frames but those of IPv6.</summary>
    public RssQueuePair Ip4 { get; }

    /// <summary>For the frames of IPv6.</summary>
    public RssQueuePair Ip6 { get; }

    public void Dispose() => _tree.Dispose();
}

/// <summary>The table from a packet's hash to a receive queue.</summary>
internal sealed unsafe class IndirectionTable : IDisposable
{
    /// <summary>Makes a table of these entries, a power of two.</summary>
    public IndirectionTable(DeviceContext device, IReadOnlyList<WorkQueue> queues, string subject)
    {
        int size = queues.Count;
        ibv_wq** entries = stackalloc ibv_wq*[size];
        for (int i = 0; i < size; i++)
        {
            entries[i] = queues[i].Handle;
        }

        var attributes = new ibv_rwq_ind_table_init_attr { log_ind_tbl_size = (uint)BitOperations.Log2((uint)size), ind_tbl = entries };
        Handle = VerbsException.NotNull(ibv_create_rwq_ind_table(device.Handle, &attributes), "ibv_create_rwq_ind_table", subject);
    }

    public ibv_rwq_ind_table* Handle { get; }

    public void Dispose() => _ = ibv_destroy_rwq_ind_table(Handle);

    // A table has a power of two of entries. If the queues are none, some get one entry more than others: with a table 16
    // times as long, at most 1/16 more packets.
    internal static int Size(int queues, int maxEntries)
    {
        int rounded = (int)BitOperations.RoundUpToPowerOf2((uint)queues);
        return rounded == queues ? queues : Math.Max(rounded, Math.Min(rounded * 16, maxEntries));
    }
}

/// <summary>A queue pair without queues: packets that a flow steers to it are spread by their hash over an indirection table.</summary>
internal sealed unsafe class RssQueuePair : IDisposable
{
    public RssQueuePair(DeviceContext device, ProtectionDomain domain, IndirectionTable table, IReadOnlyList<byte> hashKey, ibv_rx_hash_fields fields, string subject)
    {
        fixed (byte* key = hashKey.ToArray())
        {
            var attributes = new ibv_qp_init_attr_ex
            {
                qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
                comp_mask = ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_PD
                    | ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_IND_TABLE
                    | ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_RX_HASH,
                pd = domain.Handle,
                rwq_ind_tbl = table.Handle,
                rx_hash_conf = new ibv_rx_hash_conf
                {
                    rx_hash_function = (byte)ibv_rx_hash_function_flags.IBV_RX_HASH_FUNC_TOEPLITZ,
                    rx_hash_key_len = (byte)hashKey.Count,
                    rx_hash_key = key,
                    rx_hash_fields_mask = fields,
                },
            };
            Handle = VerbsException.NotNull(ibv_create_qp_ex(device.Handle, &attributes), "ibv_create_qp_ex", subject);
        }
    }

    public ibv_qp* Handle { get; }

    public void Dispose() => _ = ibv_destroy_qp(Handle);

    /// <summary>The fields to hash of IPv4 packets.</summary>
    public static ibv_rx_hash_fields Fields(Rss4 rss) => ibv_rx_hash_fields.IBV_RX_HASH_SRC_IPV4 | ibv_rx_hash_fields.IBV_RX_HASH_DST_IPV4 | rss switch
    {
        Rss4.Ipv4Tcp => TcpPorts,
        Rss4.Ipv4Udp => UdpPorts,
        _ => default,
    };

    /// <summary>The fields to hash of IPv6 packets.</summary>
    public static ibv_rx_hash_fields Fields(Rss6 rss) => ibv_rx_hash_fields.IBV_RX_HASH_SRC_IPV6 | ibv_rx_hash_fields.IBV_RX_HASH_DST_IPV6 | rss switch
    {
        Rss6.Ipv6Tcp => TcpPorts,
        Rss6.Ipv6Udp => UdpPorts,
        _ => default,
    };

    private const ibv_rx_hash_fields TcpPorts = ibv_rx_hash_fields.IBV_RX_HASH_SRC_PORT_TCP | ibv_rx_hash_fields.IBV_RX_HASH_DST_PORT_TCP;
    private const ibv_rx_hash_fields UdpPorts = ibv_rx_hash_fields.IBV_RX_HASH_SRC_PORT_UDP | ibv_rx_hash_fields.IBV_RX_HASH_DST_PORT_UDP;
}
