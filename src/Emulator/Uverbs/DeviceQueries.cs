using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.Capabilities;
using static Verbena.Interop.Uverbs.ib_uverbs_device_cap_flags;

namespace Verbena.Emulator.Uverbs;

/// <summary>What the device and its port say of themselves: the model's part, less what the emulator can't do.</summary>
internal static unsafe class DeviceQueries
{
    public const uint MaxQueuePairs = 262_144;
    public const uint MaxWorkRequests = 32_768;

    public static readonly MethodCommand[] Methods =
    [
        new("QUERY_PORT", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_PORT,
            QueryPort, [In(UVERBS_ATTR_QUERY_PORT_PORT_NUM, 8), Out<ib_uverbs_query_port_resp_ex>(UVERBS_ATTR_QUERY_PORT_RESP)]),
        new("QUERY_GID_TABLE", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_GID_TABLE,
            QueryGidTable, [In(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, 8), Any(AttributeKind.Output, UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES),
            Out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, 8)], Flags(UVERBS_ATTR_QUERY_GID_TABLE_FLAGS)),
        new("QUERY_GID_ENTRY", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_GID_ENTRY,
            QueryGidEntry, [In(UVERBS_ATTR_QUERY_GID_ENTRY_PORT, 8), In(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX, 8),
            Flags(UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS), Out<ib_uverbs_gid_entry>(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("QUERY_DEVICE", WriteCommands.IB_USER_VERBS_CMD_QUERY_DEVICE, QueryDevice,
            In<ib_uverbs_query_device>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_query_device_resp>(UVERBS_ATTR_CORE_OUT)),
        new("QUERY_DEVICE_EX", WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_QUERY_DEVICE,
            QueryDeviceExtended, In<ib_uverbs_ex_query_device>(UVERBS_ATTR_CORE_IN),
            Out<ib_uverbs_ex_query_device_resp>(UVERBS_ATTR_CORE_OUT), DriverOut<mlx5_ib_query_device_resp>()),
    ];

    /// <summary>The fastest rate of a send queue, 100 Gb/s in kb/s.</summary>
    public const uint MaxRateKilobits = 100_000_000;

    private const uint GidTableLength = 256;
    private const int RoceHeaderBytes = 96;
    private const uint RawPacketQueuePairs = 1 << (int)IB_UVERBS_QPT_RAW_PACKET;

    private const ib_uverbs_device_cap_flags DeviceFlags =
        IB_UVERBS_DEVICE_BAD_PKEY_CNTR | IB_UVERBS_DEVICE_BAD_QKEY_CNTR | IB_UVERBS_DEVICE_PORT_ACTIVE_EVENT
        | IB_UVERBS_DEVICE_SYS_IMAGE_GUID | IB_UVERBS_DEVICE_RAW_IP_CSUM | IB_UVERBS_DEVICE_MANAGED_FLOW_STEERING;

    private static void QueryDevice(UverbsContext context, in IoctlFrame frame) =>
        frame.Output(UVERBS_ATTR_CORE_OUT, Device(context.Device));

    private static void QueryDeviceExtended(UverbsContext context, in IoctlFrame frame)
    {
        NicOptions options = context.Device.Nic.Options;
        NicModel model = options.Model;
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_ex_query_device_resp
        {
            @base = Device(context.Device),
            response_length = (uint)sizeof(ib_uverbs_ex_query_device_resp),
            timestamp_mask = 0x7FFF_FFFF_FFFF_FFFF,
            hca_core_clock = DeviceClock.Kilohertz,
            device_cap_flags_ex = (uint)DeviceFlags | IB_UVERBS_DEVICE_RAW_SCATTER_FCS | IB_UVERBS_DEVICE_PCI_WRITE_END_PADDING,
            rss_caps = new ib_uverbs_rss_caps
            {
                supported_qpts = RawPacketQueuePairs,
                max_rwq_indirection_tables = 1_048_576,
                max_rwq_indirection_table_size = 1 << RwqIndTbl.MaxLog2Size,
            },
            max_wq_type_rq = 8_388_608,
            raw_packet_caps = IB_UVERBS_RAW_PACKET_CAP_IP_CSUM | IB_UVERBS_RAW_PACKET_CAP_CVLAN_STRIPPING | IB_UVERBS_RAW_PACKET_CAP_SCATTER_FCS,
            cq_moderation_caps = new ib_uverbs_cq_moderation_caps { max_cq_moderation_count = Cq.MaxModerationCount, max_cq_moderation_period = Cq.MaxModerationPeriod },
        });
        frame.Output(UVERBS_ATTR_UHW_OUT, new mlx5_ib_query_device_resp
        {
            response_length = (uint)sizeof(mlx5_ib_query_device_resp),
            tso_caps = new mlx5_ib_tso_caps { max_tso = (uint)model.MaxTsoBytes, supported_qpts = RawPacketQueuePairs },
            cqe_comp_caps = new mlx5_ib_cqe_comp_caps
            {
                max_num = CompressionSession.MaxCompletions,
                supported_format = model.CompressionFormats,
            },
            packet_pacing_caps = new mlx5_packet_pacing_caps
            {
                qp_rate_limit_min = 1,
                qp_rate_limit_max = MaxRateKilobits,
                supported_qpts = RawPacketQueuePairs,
            },
            flags = Mlx5Abi.MLX5_IB_QUERY_DEV_RESP_FLAGS_CQE_128B_COMP | Mlx5Abi.MLX5_IB_QUERY_DEV_RESP_FLAGS_CQE_128B_PAD,
            striding_rq_caps = new mlx5_ib_striding_rq_caps
            {
                min_single_stride_log_num_of_bytes = StridingParameters.MinStrideBytesLog2,
                max_single_stride_log_num_of_bytes = StridingParameters.MaxStrideBytesLog2,
                min_single_wqe_log_num_of_strides = (uint)StridingParameters.MinStridesLog2(options.Behaviour.ExtendedStrideNumbers),
                max_single_wqe_log_num_of_strides = StridingParameters.MaxStridesLog2,
                supported_qpts = RawPacketQueuePairs,
            },
            rss_caps = new mlx5_ib_rss_caps { rx_hash_fields_mask = RssQp.HashFields, rx_hash_function = Mlx5Abi.MLX5_RX_HASH_FUNC_TOEPLITZ },
            mlx5_ib_support_multi_pkt_send_wqes = model.MultiPacketSend,
            sw_parsing_caps = new mlx5_ib_sw_parsing_caps
            {
                sw_parsing_offloads = Mlx5Abi.MLX5_IB_SW_PARSING | Mlx5Abi.MLX5_IB_SW_PARSING_CSUM | Mlx5Abi.MLX5_IB_SW_PARSING_LSO,
                supported_qpts = RawPacketQueuePairs,
            },
            tunnel_offloads_caps = Mlx5Abi.MLX5_IB_TUNNELED_OFFLOADS_VXLAN | Mlx5Abi.MLX5_IB_TUNNELED_OFFLOADS_GRE
                | Mlx5Abi.MLX5_IB_TUNNELED_OFFLOADS_GENEVE,
        });
    }

    private static ib_uverbs_query_device_resp Device(UverbsDevice device) => new()
    {
        fw_ver = Packed(device.Nic.Options.Model.Firmware),
        node_guid = new Be64(device.Identity.NodeGuid),
        sys_image_guid = new Be64(device.Identity.NodeGuid),
        max_mr_size = ulong.MaxValue,
        page_size_cap = 0xFFFF_FFFF_FFFF_F000,
        vendor_id = 0x2C9,
        vendor_part_id = device.Nic.Options.Model.PciDevice,
        max_qp = MaxQueuePairs,
        max_qp_wr = MaxWorkRequests,
        device_cap_flags = (uint)DeviceFlags,
        max_sge = 30,
        max_sge_rd = 30,
        max_cq = 16_777_216,
        max_cqe = Cq.MaxEntries,
        max_mr = 16_777_216,
        max_pd = 16_777_216,
        max_qp_rd_atom = 16,
        max_res_rd_atom = 16 * MaxQueuePairs,
        max_qp_init_rd_atom = 16,
        max_ah = int.MaxValue,
        max_pkeys = 128,
        local_ca_ack_delay = 16,
        phys_port_cnt = 1,
    };

    /// <summary>16 bits each.</summary>
    private static ulong Packed(Version firmware) => ((ulong)firmware.Major << 32) | ((ulong)firmware.Minor << 16) | (uint)firmware.Build;

    private static void QueryPort(UverbsContext context, in IoctlFrame frame)
    {
        CheckPort(frame.Number(UVERBS_ATTR_QUERY_PORT_PORT_NUM));
        NicDevice nic = context.Device.Nic;
        (byte width, byte speed) = PortSpeed.Codes(nic.Options.SpeedGbps);
        bool up = nic.Link.IsUp;
        frame.Output(UVERBS_ATTR_QUERY_PORT_RESP, new ib_uverbs_query_port_resp_ex
        {
            legacy_resp = new ib_uverbs_query_port_resp
            {
                port_cap_flags = 0x0401_0000, // IP-based GIDs, communication management
                max_msg_sz = 0x4000_0000,
                gid_tbl_len = GidTableLength,
                pkey_tbl_len = 1,
                state = (byte)(up ? ibv_port_state.IBV_PORT_ACTIVE : ibv_port_state.IBV_PORT_DOWN),
                max_mtu = 5,
                active_mtu = MtuCode(nic.Mtu),
                active_width = width,
                active_speed = speed,
                phys_state = (byte)(up ? 5 : 3), // LinkUp, Disabled (IBTA 14.2.5.6)
                link_layer = 2, // IBV_LINK_LAYER_ETHERNET
                flags = IB_UVERBS_QPF_GRH_REQUIRED, // as on each RoCE port
            },
        });
    }

    /// <summary>The largest of InfiniBand's MTUs (256 · 2^(code − 1)) that a netdev's MTU holds with RoCE's headers.</summary>
    /// <remarks>Linux, include/rdma/ib_addr.h, iboe_get_mtu.</remarks>
    private static byte MtuCode(int mtu) => (mtu - RoceHeaderBytes) switch { >= 4096 => 5, >= 2048 => 4, >= 1024 => 3, >= 512 => 2, _ => 1 };

    private static void QueryGidEntry(UverbsContext context, in IoctlFrame frame)
    {
        CheckPort(frame.Number(UVERBS_ATTR_QUERY_GID_ENTRY_PORT));
        ulong index = frame.Number(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX);
        if (index >= GidTableLength || frame.Number(UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS) != 0)
        {
            throw UverbsException.Invalid($"GID index {index}: 0 to {GidTableLength - 1}");
        }

        ib_uverbs_gid_entry[] gids = Gids(context.Device.Identity);
        frame.Output(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, index < (ulong)gids.Length
            ? gids[index]
            : throw new UverbsException(Errno.ENODATA, $"GID {index} is empty"));
    }

    private static void QueryGidTable(UverbsContext context, in IoctlFrame frame)
    {
        ib_uverbs_gid_entry[] gids = Gids(context.Device.Identity);
        int room = frame.LengthBytes(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES);
        ulong size = frame.Number(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE);
        bool sized = size is > 0 and <= ushort.MaxValue && (ulong)room % size == 0 && (ulong)room / size >= (ulong)gids.Length;
        if (!sized || frame.Number(UVERBS_ATTR_QUERY_GID_TABLE_FLAGS) != 0)
        {
            throw UverbsException.Invalid($"QUERY_GID_TABLE with room for {room} bytes, {size} an entry");
        }

        frame.Output(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, Spread(gids, (int)size));
        frame.Output(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, (ulong)gids.Length);
    }

    /// <summary>The entries at the distance that the program's own have, which may be older and shorter or newer and longer.</summary>
    private static byte[] Spread(ib_uverbs_gid_entry[] gids, int entryBytes)
    {
        byte[] spread = new byte[gids.Length * entryBytes];
        for (int i = 0; i < gids.Length; i++)
        {
            ReadOnlySpan<byte> entry = MemoryMarshal.AsBytes(gids.AsSpan(i, 1));
            entry[..Math.Min(entry.Length, entryBytes)].CopyTo(spread.AsSpan(i * entryBytes));
        }

        return spread;
    }

    /// <summary>The link-local address of the port's MAC, for RoCE v1 and v2.</summary>
    private static ib_uverbs_gid_entry[] Gids(NicIdentity nic)
    {
        uint netdev = Libc.if_nametoindex(nic.Name);
        return
        [
            Gid(0, IB_UVERBS_GID_TYPE_ROCE_V1),
            Gid(1, IB_UVERBS_GID_TYPE_ROCE_V2),
        ];

        ib_uverbs_gid_entry Gid(uint index, uint type) => new()
        {
            gid_prefix = NicIdentity.LinkLocalPrefix,
            gid_interface = nic.LinkLocalInterface,
            gid_index = index,
            port_num = 1,
            gid_type = type,
            netdev_ifindex = netdev,
        };
    }

    private static void CheckPort(ulong port)
    {
        if (port != 1)
        {
            throw UverbsException.Invalid($"port {port}: the device has port 1 only");
        }
    }
}
