using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>How a program gets its context, and the descriptors from which it reads events.</summary>
internal static unsafe class ContextCommands
{
    /// <summary>The first command of a context; the device refuses all others before it.</summary>
    public static readonly MethodCommand GetContext = new(
        "GET_CONTEXT", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Interop.Uverbs.Methods.UVERBS_METHOD_GET_CONTEXT, Open,
        [], Out(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, 4), Out(UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, 8),
        DriverIn<mlx5_ib_alloc_ucontext_req_v2>(), DriverOut<mlx5_ib_alloc_ucontext_resp>());

    public static readonly MethodCommand[] Methods =
    [
        GetContext,
        new("QUERY_CONTEXT", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Interop.Uverbs.Methods.UVERBS_METHOD_QUERY_CONTEXT,
            Query, [Out<mlx5_ib_alloc_ucontext_resp>(MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX)],
            Out(UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS, 4), Out(UVERBS_ATTR_QUERY_CONTEXT_CORE_SUPPORT, 8)),
        new("ASYNC_EVENT_ALLOC", (ushort)uverbs_default_objects.UVERBS_OBJECT_ASYNC_EVENT,
            Interop.Uverbs.Methods.UVERBS_METHOD_ASYNC_EVENT_ALLOC, AllocateAsyncEvents, [NewHandle(UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE)]),
    ];

    public static readonly WriteCommand[] Writes =
    [
        new("CREATE_COMP_CHANNEL", WriteCommands.IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL, CreateCompletionChannel,
            In<ib_uverbs_create_comp_channel>(UVERBS_ATTR_CORE_IN), Out<ib_uverbs_create_comp_channel_resp>(UVERBS_ATTR_CORE_OUT)),
    ];

    private static void Open(UverbsContext context, in IoctlFrame frame)
    {
        mlx5_ib_alloc_ucontext_req_v2 asked = frame.DriverInput<mlx5_ib_alloc_ucontext_req_v2>();
        if (asked.flags != 0) // libmlx5 asks for DevX first, and does without it then
        {
            throw UverbsException.NotSupported($"GET_CONTEXT with flags 0x{asked.flags:x}");
        }

        if ((asked.lib_caps & Mlx5Abi.MLX5_LIB_CAP_DYN_UAR) == 0)
        {
            throw UverbsException.NotSupported("libmlx5 without dynamic UARs (before rdma-core 30)");
        }

        context.IsOpen = true;
        frame.Output(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, (uint)Cq.CompletionVectors);
        frame.Output(UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, Capabilities.IB_UVERBS_CORE_SUPPORT_OPTIONAL_MR_ACCESS);
        frame.Output(UVERBS_ATTR_UHW_OUT, Answer(context.Device.Nic.Options.Model));
    }

    /// <summary>The answer to GET_CONTEXT once more, for a process that was handed the descriptor (ibv_import_device).</summary>
    private static void Query(UverbsContext context, in IoctlFrame frame)
    {
        frame.Output(UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS, (uint)Cq.CompletionVectors);
        frame.Output(UVERBS_ATTR_QUERY_CONTEXT_CORE_SUPPORT, Capabilities.IB_UVERBS_CORE_SUPPORT_OPTIONAL_MR_ACCESS);
        frame.Output(MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX, Answer(context.Device.Nic.Options.Model));
    }

    /// <summary>Dynamic UARs (no static registers), completions with user indices.</summary>
    private static mlx5_ib_alloc_ucontext_resp Answer(NicModel model) => new()
    {
        qp_tab_size = DeviceQueries.MaxQueuePairs,
        bf_reg_size = 512,
        cache_line_size = 64,
        max_sq_desc_sz = (ushort)model.MaxSendWqeBytes,
        max_rq_desc_sz = 512,
        max_send_wqebb = DeviceQueries.MaxWorkRequests,
        max_recv_wr = DeviceQueries.MaxWorkRequests,
        max_srq_recv_wr = DeviceQueries.MaxWorkRequests,
        num_ports = 1,
        comp_mask = Mlx5Abi.MLX5_IB_ALLOC_UCONTEXT_RESP_MASK_CORE_CLOCK_OFFSET,
        response_length = (uint)sizeof(mlx5_ib_alloc_ucontext_resp),
        cqe_version = 1,
        cmds_supp_uhw = Mlx5Abi.MLX5_USER_CMDS_SUPP_UHW_QUERY_DEVICE | Mlx5Abi.MLX5_USER_CMDS_SUPP_UHW_CREATE_AH,
        eth_min_inline = model.MinimumInline,
        clock_info_versions = 1 << Mlx5Abi.MLX5_IB_CLOCK_INFO_V1,
        log_uar_size = 12,
        num_uars_per_page = 1,
    };

    private static void AllocateAsyncEvents(UverbsContext context, in IoctlFrame frame)
    {
        EventChannel channel = EventChannel.ForAsyncEvents();
        context.AddAsyncChannel(channel);
        frame.OutputNew(UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE, (uint)channel.Descriptor);
    }

    private static void CreateCompletionChannel(UverbsContext context, in IoctlFrame frame)
    {
        EventChannel channel = EventChannel.ForCompletions();
        context.AddCompletionChannel(channel);
        frame.Output(UVERBS_ATTR_CORE_OUT, new ib_uverbs_create_comp_channel_resp { fd = (uint)channel.Descriptor });
    }
}
