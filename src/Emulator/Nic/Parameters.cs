namespace Verbena.Emulator.Nic;

/// <summary>What a program may let the NIC do with a memory region (IBV_ACCESS_*; other bits do not concern Ethernet).</summary>
[Flags]
public enum MrAccess
{
    None = 0,

    /// <summary>IBV_ACCESS_LOCAL_WRITE: receive queues may write to it. Reading is always allowed.</summary>
    LocalWrite = 1,
}

/// <summary>What a completion queue is made from. Addresses are those of the program's own memory.</summary>
public sealed record CompletionQueueParameters
{
    /// <summary>The ring: <see cref="Entries"/> entries of <see cref="EntryBytes"/>, initialised by the program.</summary>
    public required ulong BufferAddress { get; init; }

    /// <summary>Two big-endian dwords: the consumer index, the arm command.</summary>
    public required ulong DoorbellRecordAddress { get; init; }

    /// <summary>Number of entries, a power of two up to 2^22.</summary>
    public required int Entries { get; init; }

    /// <summary>64 or 128.</summary>
    public int EntryBytes { get; init; } = 64;

    /// <summary>Write the unused half of an entry of 128 bytes too (MLX5DV_CQ_INIT_ATTR_FLAGS_CQE_PAD).</summary>
    public bool Pads { get; init; }

    /// <summary>What the NIC may compress completions to.</summary>
    public CqeCompressionFormat Compression { get; init; }

    /// <summary>Write over entries that the program has not consumed (IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN).</summary>
    public bool IgnoreOverrun { get; init; }

    /// <summary>Index of the UAR page on which the program rings the arm register.</summary>
    public required int UarPage { get; init; }

    /// <summary>Called on the NIC's thread, inside its gate, when the armed queue got what it was armed for. Must not call the NIC.</summary>
    public Action? OnCompletionEvent { get; init; }

    /// <summary>Called likewise when the queue has overrun and takes no more entries.</summary>
    public Action? OnError { get; init; }
}

/// <summary>What a raw-packet queue pair is made from; a side without entries does not exist.</summary>
public sealed record QueuePairParameters
{
    public required NicContext Context { get; init; }

    public SelfLoopback SelfLoopback { get; init; }

    /// <summary>Number of the protection domain; memory regions of others are refused.</summary>
    public required uint ProtectionDomain { get; init; }

    /// <summary>Two big-endian dwords: receive count, send count.</summary>
    public required ulong DoorbellRecordAddress { get; init; }

    /// <summary>Index of the UAR page that holds the queue pair's doorbell register.</summary>
    public required int UarPage { get; init; }

    /// <summary>What completions name the queue pair by, 24 bits.</summary>
    public required uint UserIndex { get; init; }

    public ulong SendBufferAddress { get; init; }

    /// <summary>Size of the send ring in blocks of 64 bytes: 0, or a power of two up to 32768.</summary>
    public int SendBlocks { get; init; }

    public CompletionQueue? SendCompletions { get; init; }

    public ulong ReceiveBufferAddress { get; init; }

    /// <summary>Number of receive WQEs: 0, or a power of two up to 32768.</summary>
    public int ReceiveEntries { get; init; }

    /// <summary>Size of a receive WQE: 2^n bytes, at least 16.</summary>
    public int ReceiveStrideLog2 { get; init; } = 4;

    public CompletionQueue? ReceiveCompletions { get; init; }

    /// <summary>Completions tell of the headers inside tunnels (MLX5_QP_FLAG_TUNNEL_OFFLOADS).</summary>
    public bool OffloadsTunnels { get; init; }

    /// <summary>Received VLAN tags go to the completion (IBV_QP_CREATE_CVLAN_STRIPPING).</summary>
    public bool StripsVlan { get; init; }

    /// <summary>Received frames are written with their FCS (IBV_QP_CREATE_SCATTER_FCS).</summary>
    public bool KeepsFcs { get; init; }

    /// <summary>Called on the NIC's thread, inside its gate, when the queue pair went to its error state by itself. Must not call the NIC.</summary>
    public Action? OnFatal { get; init; }
}

/// <summary>What a receive work queue is made from.</summary>
public sealed record WorkQueueParameters
{
    public required uint ProtectionDomain { get; init; }

    public required ulong BufferAddress { get; init; }

    /// <summary>Number of WQEs, a power of two up to 32768.</summary>
    public required int Entries { get; init; }

    /// <summary>Size of a WQE: 2^n bytes, at least 16.</summary>
    public required int StrideLog2 { get; init; }

    /// <summary>One big-endian dword: the receive count.</summary>
    public required ulong DoorbellRecordAddress { get; init; }

    /// <summary>What completions name the queue by, 24 bits.</summary>
    public required uint UserIndex { get; init; }

    public required CompletionQueue Completions { get; init; }

    /// <summary>Null: a WQE takes one frame.</summary>
    public StridingParameters? Striding { get; init; }

    /// <summary>VLAN tags go to the completion (IBV_WQ_FLAGS_CVLAN_STRIPPING).</summary>
    public bool StripsVlan { get; init; }

    /// <summary>Frames are written with their FCS (IBV_WQ_FLAGS_SCATTER_FCS).</summary>
    public bool KeepsFcs { get; init; }

    /// <summary>Called on the NIC's thread, inside its gate, when the queue went to its error state by itself. Must not call the NIC.</summary>
    public Action? OnFatal { get; init; }
}

/// <summary>How the WQEs of a striding receive queue, each with room for several frames, are divided.</summary>
/// <param name="StrideBytesLog2">Size of a stride: 2^6 to 2^13 bytes.</param>
/// <param name="StridesLog2">Strides of a WQE: 2^3 to 2^16.</param>
/// <param name="TwoByteShift">Frames begin two bytes behind the begin of their stride.</param>
public sealed record StridingParameters(int StrideBytesLog2, int StridesLog2, bool TwoByteShift)
{
    public const int MinStrideBytesLog2 = 6;
    public const int MaxStrideBytesLog2 = 13;
    public const int MaxStridesLog2 = 16;

    /// <summary>The least for strides of a WQE, by <see cref="NicBehaviour.ExtendedStrideNumbers"/>.</summary>
    public static int MinStridesLog2(bool extended) => extended ? 3 : 9;
}

/// <summary>What an RSS queue pair is made from.</summary>
public sealed record RssParameters
{
    public required NicContext Context { get; init; }

    public SelfLoopback SelfLoopback { get; init; }

    /// <summary>Completions tell of the headers inside tunnels (MLX5_QP_FLAG_TUNNEL_OFFLOADS).</summary>
    public bool OffloadsTunnels { get; init; }

    public required IndirectionTable Table { get; init; }

    /// <summary>What goes into the hash; no fields at all for a table of one entry.</summary>
    public required RssFields Fields { get; init; }

    /// <summary>The Toeplitz key, 40 bytes.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }
}

/// <summary>Fields of a packet that RSS hashes (enum ibv_rx_hash_fields).</summary>
[Flags]
#pragma warning disable CA1028 // the ABI's type
public enum RssFields : uint
#pragma warning restore CA1028
{
    None = 0,
    SourceIp4 = 1,
    DestinationIp4 = 2,
    SourceIp6 = 4,
    DestinationIp6 = 8,
    SourceTcp = 0x10,
    DestinationTcp = 0x20,
    SourceUdp = 0x40,
    DestinationUdp = 0x80,

    /// <summary>Security parameters index of ESP (RFC 4303, 2.1).</summary>
    IpsecSpi = 0x100,

    /// <summary>The fields of the packet inside a tunnel.</summary>
    Inner = 0x8000_0000,
}
