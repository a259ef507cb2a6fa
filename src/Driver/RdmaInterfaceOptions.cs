using System.Numerics;

namespace Verbena.Driver;

/// <summary>How the driver talks to the NIC.</summary>
public enum RdmaMode
{
    /// <summary>The fastest mode that the NIC and this driver have in common.</summary>
    Auto,

    /// <summary>Through libibverbs, whatever the NIC.</summary>
    Ibv,

    /// <summary>Direct Verbs: the driver itself reads and writes the mlx5 rings.</summary>
    Dv,
}

/// <summary>How the NIC may compress receive completions in dv mode (enum mlx5dv_cqe_comp_res_format).</summary>
public enum CqeCompression
{
    /// <summary>In the format that suits the receive queue, if the NIC can.</summary>
    Auto,

    /// <summary>Not at all.</summary>
    None,

    /// <summary>The format that keeps the RSS hash.</summary>
    Hash,

    /// <summary>The format that keeps the checksum.</summary>
    Checksum,

    /// <summary>The format that keeps the checksum and, in striding queues, the stride's index.</summary>
    ChecksumStrideIndex,
}

/// <summary>Which fields of an IPv4 packet choose its receive queue.</summary>
public enum Rss4
{
    /// <summary>The addresses.</summary>
    Ipv4,

    /// <summary>The addresses, and the ports of TCP.</summary>
    Ipv4Tcp,

    /// <summary>The addresses, and the ports of UDP.</summary>
    Ipv4Udp,
}

/// <summary>Which fields of an IPv6 packet choose its receive queue.</summary>
public enum Rss6
{
    /// <summary>The addresses.</summary>
    Ipv6,

    /// <summary>The addresses, and the ports of TCP.</summary>
    Ipv6Tcp,

    /// <summary>The addresses, and the ports of UDP.</summary>
    Ipv6Udp,
}

/// <summary>What an RDMA interface is to be like: the words of <c>create interface rdma</c>, with VPP's defaults.</summary>
public sealed record RdmaInterfaceOptions
{
    public const int MinQueueSize = 256;
    public const int MaxQueueSize = 32768;
    public const int MaxRxQueues = 2048; // a ConnectX-5's longest indirection table; an adapter may have less
    public const int MinPacketLength = 82; // an Ethernet header, and the 68 bytes that RFC 791, 3.2 wants of every link
    public const int MaxPacketLengthLimit = 65535;

    /// <summary>Linux's network interface on the NIC's port, such as <c>enp94s0f0</c>.</summary>
    public required string HostInterface { get; init; }

    /// <summary>The name of the port, such as <c>rdma-0</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Buffers that wait for packets in each receive queue; a power of two.</summary>
    public int RxQueueSize { get; init; } = 1024;

    /// <summary>Packets that may wait to be sent in each transmit queue; a power of two.</summary>
    public int TxQueueSize { get; init; } = 1024;

    /// <summary>Receive queues, over which the NIC spreads packets by a hash of their addresses and ports.</summary>
    public int RxQueues { get; init; } = 2;

    public RdmaMode Mode { get; init; }

    /// <summary>One buffer a packet. In ibv mode that is always so; in dv mode it forbids chains.</summary>
    public bool NoMultiSeg { get; init; }

    /// <summary>No striding receive queues. In ibv mode there are none; in dv mode it forbids them.</summary>
    public bool NoStriding { get; init; }

    /// <summary>The longest frame to expect, in bytes; null for as long as the mode allows. In ibv mode it can only lower the limit of one buffer.</summary>
    public int? MaxPacketLength { get; init; }

    /// <summary>In dv mode, how completions of received packets are compressed.</summary>
    public CqeCompression CqeCompression { get; init; }

    /// <summary>In dv mode, what buffers' headers are to tell of the packets in them.</summary>
    public RxMetadata Metadata { get; init; }

    public Rss4 Rss4 { get; init; } = Rss4.Ipv4Tcp;

    public Rss6 Rss6 { get; init; } = Rss6.Ipv6Tcp;

    /// <summary>Says in one sentence what is wrong and what would be allowed, or null if all is well.</summary>
    public string? Validate() =>
        BadInterface(HostInterface) ??
        BadName(Name) ??
        BadSize("rx-queue-size", RxQueueSize) ??
        BadSize("tx-queue-size", TxQueueSize) ??
        OutOfRange("num-rx-queues", RxQueues, 1, MaxRxQueues) ??
        (MaxPacketLength is { } length ? OutOfRange("max-pktlen", length, MinPacketLength, MaxPacketLengthLimit) : null) ??
        BadMetadata();

    private string? BadMetadata()
    {
        bool isCompressed = CqeCompression is not (CqeCompression.Auto or CqeCompression.None);
        return (Metadata, Mode, CqeCompression) switch
        {
            (not RxMetadata.None, RdmaMode.Ibv, _) => "metadata is not told in mode ibv: use mode dv or auto",
            _ when Metadata.HasFlag(RxMetadata.Timestamp) && isCompressed =>
                "metadata timestamp and this cqe-compression exclude each other, compressed completions have one time for all: use cqe-compression auto or none",
            (_, _, not CqeCompression.Hash) when Metadata.HasFlag(RxMetadata.RssHash) && isCompressed =>
                "metadata rss-hash and this cqe-compression exclude each other, its completions carry no hash: use cqe-compression auto, none or hash",
            _ => null,
        };
    }

    private static string? BadInterface(string name)
    {
        bool good = name.Length is > 0 and <= 15 && name is not ("." or "..") // IFNAMSIZ, and dev_valid_name() of the kernel
            && !name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c) || char.IsControl(c));
        return good ? null : $"host-if '{name}' can't be the name of a Linux network interface: up to 15 characters, no blank, no slash, no colon";
    }

    private static string? BadName(string name)
    {
        bool good = name.Length is > 0 and <= 63 && !name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c));
        return good ? null : $"name '{name}' is not allowed: 1 to 63 characters without blanks";
    }

    private static string? BadSize(string word, int size) =>
        size is >= MinQueueSize and <= MaxQueueSize && BitOperations.IsPow2(size)
            ? null
            : $"{word} {size} is not allowed: a power of two from {MinQueueSize} to {MaxQueueSize}";

    private static string? OutOfRange(string word, int value, int min, int max) =>
        value >= min && value <= max ? null : $"{word} {value} is not allowed: a number from {min} to {max}";
}
