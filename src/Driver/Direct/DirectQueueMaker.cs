using System.Numerics;
using Verbena.Driver.Objects;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Driver.Direct;

/// <summary>Makes queues whose rings the driver reads and writes itself, and chooses how packets lie in them.</summary>
internal sealed unsafe class DirectQueueMaker : QueueMaker
{
    private const int MaxWqeSegments = 16; // of a receive WQE: a chain this long holds 32 KiB
    private const int RawPackets = 1 << 8; // IBV_QPT_RAW_PACKET

    private readonly mlx5dv_context _capabilities;
    private readonly bool _striding;
    private readonly int _buffersPerWqe;
    private readonly mlx5dv_cqe_comp_res_format _compression;

    /// <summary>Decides for an adapter that <see cref="IsSupported"/>, and for frames of up to <paramref name="longestFrame"/> bytes; makes no queue yet.</summary>
    public DirectQueueMaker(
        RdmaInterfaceOptions options,
        DeviceContext device,
        ObjectTree tree,
        ProtectionDomain domain,
        MemoryRegion region,
        BufferPool pool,
        int longestFrame,
        in mlx5dv_context capabilities)
        : base(options, device, tree, domain, region, pool)
    {
        _capabilities = capabilities;
        int tagged = longestFrame + VlanTag.Size;
        int chain = options.NoMultiSeg ? 1 : (tagged + BufferPool.DataBytes - 1) / BufferPool.DataBytes;
        int strides = Math.Max(1 << (int)capabilities.striding_rq_caps.min_single_wqe_log_num_of_strides, (int)BitOperations.RoundUpToPowerOf2((uint)chain));
        _striding = chain > 1 && !options.NoStriding && CanStride(capabilities.striding_rq_caps, strides);
        _buffersPerWqe = _striding ? strides : Math.Min(chain, MaxWqeSegments);
        MaxFrameBytes = Math.Min(longestFrame, (_buffersPerWqe * BufferPool.DataBytes) - VlanTag.Size);
        _compression = Compression();
    }

    public override int MaxFrameBytes { get; }

    public override int RxBuffers => Options.RxQueues * Wqes * _buffersPerWqe;

    private int Wqes => _striding ? Math.Max(Options.RxQueueSize / _buffersPerWqe, 1) : Options.RxQueueSize;

    private bool Enhanced => _capabilities.flags.HasFlag(mlx5dv_context_flags.MLX5DV_CONTEXT_FLAGS_ENHANCED_MPW);

    /// <summary>True if the adapter can do what dv mode builds upon: completions that name the queue, as ConnectX-4 and later have.</summary>
    public static bool IsSupported(in mlx5dv_context capabilities) =>
        capabilities.flags.HasFlag(mlx5dv_context_flags.MLX5DV_CONTEXT_FLAGS_CQE_V1);

    public override string Describe() => $"mode: mlx5dv"
        + (_striding ? $" striding-rq ({_buffersPerWqe} buffers a WQE)" : _buffersPerWqe > 1 ? $" multi-seg ({_buffersPerWqe} buffers a WQE)" : "")
        + (_compression != default ? " cqe-compression" : "")
        + (Enhanced ? " empw" : "")
        + (Options.Metadata != RxMetadata.None ? $" metadata: {Options.Metadata}" : "");

    public override RdmaTxQueue MakeTx(string subject)
    {
        // An entry for each block: a WQE that is short takes one, and each may be the last of its batch.
        CompletionQueue completions = Tree.Own(CompletionQueue.CreateDirect(Device, Options.TxQueueSize, compression: default, subject));
        SendQueue queue = Tree.Own(new SendQueue(Domain, completions, Options.TxQueueSize, pieces: 1, subject));
        queue.Start();
        mlx5dv_cq memory = completions.Direct();
        var ring = new SendRing(queue.Direct(), queue.Handle->qp_num);
        return Enhanced
            ? new DirectTxQueue<EnhancedSend>(queue, memory, ring, Pool, Region.LocalKey, Options.TxQueueSize)
            : new DirectTxQueue<InlineHeaderSend>(queue, memory, ring, Pool, Region.LocalKey, Options.TxQueueSize);
    }

    public override RdmaRxQueue MakeRx(string subject, out WorkQueue queue)
    {
        bool stripVlan = Options.Metadata.HasFlag(RxMetadata.VlanTag);
        int completionsPerWqe = _striding ? _buffersPerWqe : 1;
        var channel = Tree.Own(new CompletionChannel(Device, subject));
        CompletionQueue completions = Tree.Own(CompletionQueue.CreateDirect(Device, Wqes * completionsPerWqe, _compression, subject, channel));
        queue = Tree.Own(_striding
            ? WorkQueue.CreateStriding(Device, Domain, completions, Wqes, _buffersPerWqe, BufferPool.DataBytes, stripVlan, subject)
            : WorkQueue.Create(Device, Domain, completions, Wqes, _buffersPerWqe, stripVlan, subject));
        queue.Start();
        return _striding ? MakeRx<StridingBuffers>(queue, completions, channel)
            : _buffersPerWqe > 1 ? MakeRx<ScatteredBuffers>(queue, completions, channel)
            : MakeRx<SingleBuffer>(queue, completions, channel);
    }

    private static bool CanStride(in mlx5dv_striding_rq_caps caps, int strides) =>
        (caps.supported_qpts & RawPackets) != 0
        && strides <= MaxWqeSegments
        && BufferPool.DataBytes >> (int)caps.min_single_stride_log_num_of_bytes > 0
        && BufferPool.DataBytes <= 1 << (int)caps.max_single_stride_log_num_of_bytes;

    private DirectRxQueue<TLayout> MakeRx<TLayout>(WorkQueue queue, CompletionQueue completions, CompletionChannel channel)
        where TLayout : struct, IReceiveLayout
    {
        bool metadata = Options.Metadata != RxMetadata.None;
        bool hashInMinis = _compression == mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_HASH;
        mlx5dv_cq completionMemory = completions.Direct();
        mlx5dv_rwq memory = queue.Direct();
        uint longestSession = _compression != default ? completionMemory.cqe_cnt : 0; // whatever the adapter's capabilities say
        return new DirectRxQueue<TLayout>(
            queue,
            new ReceiveCompletions(completionMemory, longestSession, metadata, hashInMinis),
            new ReceiveRing(memory, _buffersPerWqe, TLayout.HeaderBytes, Pool, Region.LocalKey),
            Pool,
            Options.Metadata,
            channel);
    }

    private mlx5dv_cqe_comp_res_format Compression()
    {
        // A striding queue's minis must carry the stride index; others best carry the hash.
        mlx5dv_cqe_comp_res_format wanted = Options.CqeCompression switch
        {
            CqeCompression.None => default,
            _ when _striding => mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX,
            CqeCompression.Hash => mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_HASH,
            CqeCompression.Checksum => mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_CSUM,
            CqeCompression.ChecksumStrideIndex => mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX,
            _ => mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_HASH,
        };
        bool oneTimeForAll = Options.Metadata.HasFlag(RxMetadata.Timestamp);
        bool noHash = Options.Metadata.HasFlag(RxMetadata.RssHash) && wanted != mlx5dv_cqe_comp_res_format.MLX5DV_CQE_RES_FORMAT_HASH;
        return oneTimeForAll || noHash ? default : wanted & _capabilities.cqe_comp_caps.supported_format;
    }
}
