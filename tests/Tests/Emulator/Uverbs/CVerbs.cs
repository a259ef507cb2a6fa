using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What a C program gets from the inline functions and structures of rdma-core's headers: a small library that gcc makes of them.</summary>
internal static unsafe class CVerbs
{
    private const string Source = """
        #include <infiniband/mlx5dv.h>
        #include <string.h>

        struct wc { uint64_t wr_id, ticks, nanoseconds; uint32_t status, length, tag, vlan, flags; };

        int read_clock(struct ibv_context *context, uint64_t *ticks)
        {
            struct ibv_values_ex values = { .comp_mask = IBV_VALUES_MASK_RAW_CLOCK };
            int error = ibv_query_rt_values_ex(context, &values);
            *ticks = values.raw_clock.tv_nsec;
            return error;
        }

        uint64_t nanoseconds_at(struct ibv_context *context, uint64_t ticks)
        {
            struct mlx5dv_clock_info info;
            return mlx5dv_get_clock_info(context, &info) == 0 ? mlx5dv_ts_to_ns(&info, ticks) : 0;
        }

        int capabilities(struct ibv_context *context, struct mlx5dv_context *found)
        {
            found->comp_mask = MLX5DV_CONTEXT_MASK_CQE_COMPRESION | MLX5DV_CONTEXT_MASK_STRIDING_RQ | MLX5DV_CONTEXT_MASK_CLOCK_INFO_UPDATE;
            return mlx5dv_query_device(context, found);
        }

        uint64_t clock_update(struct ibv_context *context)
        {
            struct mlx5dv_context found = { };
            return capabilities(context, &found) == 0 ? found.max_clock_info_update_nsec : 0;
        }

        uint64_t core_clock(struct ibv_context *context)
        {
            struct ibv_device_attr_ex attributes;
            return ibv_query_device_ex(context, NULL, &attributes) == 0 ? attributes.hca_core_clock : 0;
        }

        int striding_range(struct ibv_context *context, uint32_t *range)
        {
            struct mlx5dv_context found = { };
            int error = capabilities(context, &found);
            memcpy(range, &found.striding_rq_caps, 4 * sizeof *range);
            return error;
        }

        /* flags, what the software parser does and for which queue pairs, which tunnels are known */
        int send_capabilities(struct ibv_context *context, uint32_t *found)
        {
            struct mlx5dv_context all = { .comp_mask = MLX5DV_CONTEXT_MASK_SWP | MLX5DV_CONTEXT_MASK_TUNNEL_OFFLOADS };
            int error = mlx5dv_query_device(context, &all);
            found[0] = all.flags & (MLX5DV_CONTEXT_FLAGS_MPW_ALLOWED | MLX5DV_CONTEXT_FLAGS_ENHANCED_MPW);
            memcpy(found + 1, &all.sw_parsing_caps, 2 * sizeof *found);
            found[3] = all.tunnel_offloads_caps;
            return error;
        }

        /* format 0: no compression; bytes 0: libmlx5's default */
        struct ibv_cq *create_cq(struct ibv_context *context, int entries, struct ibv_comp_channel *channel, uint32_t flags,
            uint64_t wc_flags, int format, int bytes, int pads)
        {
            struct ibv_cq_init_attr_ex attributes = { .cqe = entries, .channel = channel, .wc_flags = wc_flags,
                .comp_mask = flags != 0 ? IBV_CQ_INIT_ATTR_MASK_FLAGS : 0, .flags = flags };
            struct mlx5dv_cq_init_attr special = {
                .comp_mask = (format != 0 ? MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE : 0)
                    | (bytes != 0 ? MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE : 0) | (pads ? MLX5DV_CQ_INIT_ATTR_MASK_FLAGS : 0),
                .cqe_comp_res_format = format, .cqe_size = bytes, .flags = pads ? MLX5DV_CQ_INIT_ATTR_FLAGS_CQE_PAD : 0 };
            struct ibv_cq_ex *cq = mlx5dv_create_cq(context, &attributes, &special);
            return cq != NULL ? ibv_cq_ex_to_cq(cq) : NULL;
        }

        int poll(struct ibv_cq *plain, struct wc *wc, int max)
        {
            struct ibv_cq_ex *cq = (struct ibv_cq_ex *)plain;
            struct ibv_poll_cq_attr attributes = { };
            int count = 0;
            if (ibv_start_poll(cq, &attributes) != 0)
                return 0;
            do {
                wc[count++] = (struct wc){ cq->wr_id, ibv_wc_read_completion_ts(cq), ibv_wc_read_completion_wallclock_ns(cq),
                    cq->status, ibv_wc_read_byte_len(cq), ibv_wc_read_flow_tag(cq), ibv_wc_read_cvlan(cq), ibv_wc_read_wc_flags(cq) };
            } while (count < max && ibv_next_poll(cq) == 0);
            ibv_end_poll(cq);
            return count;
        }

        int moderate(struct ibv_cq *cq, uint16_t count, uint16_t period)
        {
            struct ibv_modify_cq_attr attributes = { .attr_mask = IBV_CQ_ATTR_MODERATE, .moderate = { count, period } };
            return ibv_modify_cq(cq, &attributes);
        }

        int resize(struct ibv_cq *cq, int entries)
        {
            return ibv_resize_cq(cq, entries);
        }

        struct ring { void *memory; void *record; uint32_t entries, bytes; };

        int ring_of_cq(struct ibv_cq *cq, struct ring *ring)
        {
            struct mlx5dv_cq found = { };
            struct mlx5dv_obj object = { .cq = { .in = cq, .out = &found } };
            int error = mlx5dv_init_obj(&object, MLX5DV_OBJ_CQ);
            *ring = (struct ring){ found.buf, found.dbrec, found.cqe_cnt, found.cqe_size };
            return error;
        }

        int ring_of_wq(struct ibv_wq *wq, struct ring *ring)
        {
            struct mlx5dv_rwq found = { };
            struct mlx5dv_obj object = { .rwq = { .in = wq, .out = &found } };
            int error = mlx5dv_init_obj(&object, MLX5DV_OBJ_RWQ);
            *ring = (struct ring){ found.buf, found.dbrec, found.wqe_cnt, found.stride };
            return error;
        }

        /* stride_log2 0: a cyclic queue */
        struct ibv_wq *create_wq(struct ibv_pd *pd, struct ibv_cq *cq, int entries, int segments, uint32_t flags, int stride_log2, int strides_log2)
        {
            struct ibv_wq_init_attr attributes = { .wq_type = IBV_WQT_RQ, .max_wr = entries, .max_sge = segments, .pd = pd, .cq = cq,
                .comp_mask = flags != 0 ? IBV_WQ_INIT_ATTR_FLAGS : 0, .create_flags = flags };
            struct mlx5dv_wq_init_attr special = { .comp_mask = stride_log2 != 0 ? MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ : 0,
                .striding_rq_attrs = { stride_log2, strides_log2, 0 } };
            return mlx5dv_create_wq(pd->context, &attributes, &special);
        }

        int make_ready(struct ibv_wq *wq)
        {
            struct ibv_wq_attr attributes = { .attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY };
            return ibv_modify_wq(wq, &attributes);
        }

        int strip_vlan(struct ibv_wq *wq, int strip)
        {
            struct ibv_wq_attr attributes = { .attr_mask = IBV_WQ_ATTR_FLAGS, .flags = strip ? IBV_WQ_FLAGS_CVLAN_STRIPPING : 0,
                .flags_mask = IBV_WQ_FLAGS_CVLAN_STRIPPING };
            return ibv_modify_wq(wq, &attributes);
        }

        int post_wq(struct ibv_wq *wq, void *address, uint32_t length, uint32_t lkey)
        {
            struct ibv_sge segment = { (uintptr_t)address, length, lkey };
            struct ibv_recv_wr request = { .wr_id = (uintptr_t)address, .sg_list = &segment, .num_sge = 1 }, *bad;
            return ibv_post_wq_recv(wq, &request, &bad);
        }

        /* An RSS queue pair over one work queue, and a flow that leads all frames to a MAC address there. */
        struct ibv_flow *steer(struct ibv_pd *pd, struct ibv_wq *wq, const uint8_t *mac, uint32_t tag, struct ibv_rwq_ind_table **table, struct ibv_qp **qp)
        {
            static uint8_t key[40];
            struct ibv_rwq_ind_table_init_attr entries = { .log_ind_tbl_size = 0, .ind_tbl = &wq };
            *table = ibv_create_rwq_ind_table(pd->context, &entries);
            struct ibv_qp_init_attr_ex attributes = { .qp_type = IBV_QPT_RAW_PACKET, .pd = pd, .rwq_ind_tbl = *table,
                .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH,
                .rx_hash_conf = { IBV_RX_HASH_FUNC_TOEPLITZ, sizeof key, key, 0 } };
            *qp = *table != NULL ? ibv_create_qp_ex(pd->context, &attributes) : NULL;
            struct { struct ibv_flow_attr flow; struct ibv_flow_spec_eth ethernet; struct ibv_flow_spec_action_tag tag; } rule = {
                .flow = { .size = sizeof rule, .num_of_specs = 2, .port = 1 },
                .ethernet = { .type = IBV_FLOW_SPEC_ETH, .size = sizeof rule.ethernet },
                .tag = { .type = IBV_FLOW_SPEC_ACTION_TAG, .size = sizeof rule.tag, .tag_id = tag } };
            memcpy(rule.ethernet.val.dst_mac, mac, 6);
            memset(rule.ethernet.mask.dst_mac, 0xFF, 6);
            return *qp != NULL ? ibv_create_flow(*qp, &rule.flow) : NULL;
        }

        int unsteer(struct ibv_flow *flow, struct ibv_rwq_ind_table *table, struct ibv_qp *qp)
        {
            return ibv_destroy_flow(flow) + ibv_destroy_qp(qp) + ibv_destroy_rwq_ind_table(table);
        }
        """;

    private static readonly nint s_library = Load();

    public static readonly delegate* unmanaged<ibv_context*, ulong*, int> ReadClock = (delegate* unmanaged<ibv_context*, ulong*, int>)Find("read_clock");
    public static readonly delegate* unmanaged<ibv_context*, ulong, ulong> NanosecondsAt = (delegate* unmanaged<ibv_context*, ulong, ulong>)Find("nanoseconds_at");
    public static readonly delegate* unmanaged<ibv_context*, ulong> ClockUpdate = (delegate* unmanaged<ibv_context*, ulong>)Find("clock_update");
    public static readonly delegate* unmanaged<ibv_context*, ulong> CoreClock = (delegate* unmanaged<ibv_context*, ulong>)Find("core_clock");
    public static readonly delegate* unmanaged<ibv_context*, uint*, int> StridingRange = (delegate* unmanaged<ibv_context*, uint*, int>)Find("striding_range");
    public static readonly delegate* unmanaged<ibv_context*, uint*, int> SendCapabilities = (delegate* unmanaged<ibv_context*, uint*, int>)Find("send_capabilities");
    public static readonly delegate* unmanaged<ibv_cq*, Wc*, int, int> Poll = (delegate* unmanaged<ibv_cq*, Wc*, int, int>)Find("poll");
    public static readonly delegate* unmanaged<ibv_cq*, ushort, ushort, int> Moderate = (delegate* unmanaged<ibv_cq*, ushort, ushort, int>)Find("moderate");
    public static readonly delegate* unmanaged<ibv_cq*, int, int> Resize = (delegate* unmanaged<ibv_cq*, int, int>)Find("resize");
    public static readonly delegate* unmanaged<ibv_cq*, Ring*, int> RingOfCq = (delegate* unmanaged<ibv_cq*, Ring*, int>)Find("ring_of_cq");
    public static readonly delegate* unmanaged<ibv_wq*, Ring*, int> RingOfWq = (delegate* unmanaged<ibv_wq*, Ring*, int>)Find("ring_of_wq");
    public static readonly delegate* unmanaged<ibv_wq*, int> MakeReady = (delegate* unmanaged<ibv_wq*, int>)Find("make_ready");
    public static readonly delegate* unmanaged<ibv_wq*, int, int> StripVlan = (delegate* unmanaged<ibv_wq*, int, int>)Find("strip_vlan");
    public static readonly delegate* unmanaged<ibv_wq*, void*, uint, uint, int> PostWq = (delegate* unmanaged<ibv_wq*, void*, uint, uint, int>)Find("post_wq");
    public static readonly delegate* unmanaged<ibv_pd*, ibv_wq*, byte*, uint, ibv_rwq_ind_table**, ibv_qp**, ibv_flow*> Steer =
        (delegate* unmanaged<ibv_pd*, ibv_wq*, byte*, uint, ibv_rwq_ind_table**, ibv_qp**, ibv_flow*>)Find("steer");
    public static readonly delegate* unmanaged<ibv_flow*, ibv_rwq_ind_table*, ibv_qp*, int> Unsteer =
        (delegate* unmanaged<ibv_flow*, ibv_rwq_ind_table*, ibv_qp*, int>)Find("unsteer");

    private static readonly delegate* unmanaged<ibv_context*, int, ibv_comp_channel*, uint, ulong, int, int, int, ibv_cq*> s_createCq =
        (delegate* unmanaged<ibv_context*, int, ibv_comp_channel*, uint, ulong, int, int, int, ibv_cq*>)Find("create_cq");

    private static readonly delegate* unmanaged<ibv_pd*, ibv_cq*, int, int, uint, int, int, ibv_wq*> s_createWq =
        (delegate* unmanaged<ibv_pd*, ibv_cq*, int, int, uint, int, int, ibv_wq*>)Find("create_wq");

    /// <summary>What <c>poll</c> reads of an extended completion.</summary>
    public struct Wc
    {
        public ulong WrId;
        public ulong Ticks;
        public ulong Nanoseconds;
        public ibv_wc_status Status;
        public uint Length;
        public uint Tag;
        public uint Vlan;
        public uint Flags;
    }

    /// <summary>Where a ring of libmlx5 lies (mlx5dv_init_obj).</summary>
    public struct Ring
    {
        public byte* Memory;
        public Be32* Record;
        public uint Entries;
        public uint Bytes;
    }

    /// <summary>Makes a completion queue, or gives null and errno.</summary>
    public static ibv_cq* CreateCq(ibv_context* context, int entries, ibv_comp_channel* channel = null, uint flags = 0, ulong read = 0,
        int format = 0, int bytes = 0, bool pads = false)
    {
        Marshal.SetLastSystemError(0);
        ibv_cq* cq = s_createCq(context, entries, channel, flags, read, format, bytes, pads ? 1 : 0);
        Marshal.SetLastPInvokeError(Marshal.GetLastSystemError());
        return cq;
    }

    /// <summary>Makes a receive work queue, or gives null and errno.</summary>
    public static ibv_wq* CreateWq(ibv_pd* pd, ibv_cq* cq, int entries, int segments = 1, uint flags = 0, int strideLog2 = 0, int stridesLog2 = 0)
    {
        Marshal.SetLastSystemError(0);
        ibv_wq* wq = s_createWq(pd, cq, entries, segments, flags, strideLog2, stridesLog2);
        Marshal.SetLastPInvokeError(Marshal.GetLastSystemError());
        return wq;
    }

    private static void* Find(string name) => (void*)NativeLibrary.GetExport(s_library, name);

    private static nint Load()
    {
        string folder = Directory.CreateTempSubdirectory("verbena-verbs-").FullName;
        try
        {
            string library = Path.Combine(folder, "verbs.so");
            File.WriteAllText(Path.Combine(folder, "verbs.c"), Source);
            string[] arguments = ["-shared", "-fPIC", "-O", "-o", library, Path.Combine(folder, "verbs.c"), "-libverbs", "-lmlx5"];
            using Process gcc = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
            string errors = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            Assert.True(gcc.ExitCode == 0, $"{errors}\nIf a header is missing: apt-get install gcc libc6-dev libibverbs-dev");
            return NativeLibrary.Load(library);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
