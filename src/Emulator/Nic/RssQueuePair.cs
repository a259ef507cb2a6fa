namespace Verbena.Emulator.Nic;

/// <summary>The receive queues that RSS chooses from.</summary>
public sealed class IndirectionTable
{
    internal IndirectionTable(IReadOnlyList<WorkQueue> queues) => Queues = queues;

    public IReadOnlyList<WorkQueue> Queues { get; }
}

/// <summary>Spreads the frames of its flows over an indirection table by a hash.</summary>
public sealed class RssQueuePair : QueueDestination
{
    private const RssFields Ip4 = RssFields.SourceIp4 | RssFields.DestinationIp4;
    private const RssFields Ip6 = RssFields.SourceIp6 | RssFields.DestinationIp6;
    private const RssFields Tcp = RssFields.SourceTcp | RssFields.DestinationTcp;
    private const RssFields Udp = RssFields.SourceUdp | RssFields.DestinationUdp;

    internal RssQueuePair(RssParameters parameters, PortCounters counters)
        : base(parameters.Context, [.. parameters.Table.Queues.Select(q => q.Receive)], Checked(parameters), parameters.OffloadsTunnels, counters) =>
        SelfLoopback = parameters.SelfLoopback;

    /// <summary>The rules of mlx5_ib (create_rss_raw_qp_tir).</summary>
    private static Rss? Checked(RssParameters parameters)
    {
        RssFields fields = parameters.Fields;
        bool mixes = HasSeveral(fields, Ip4, Ip6) || HasSeveral(fields, Tcp, Udp, RssFields.IpsecSpi);
        if (mixes || (fields & ~(Ip4 | Ip6 | Tcp | Udp | RssFields.IpsecSpi | RssFields.Inner)) != RssFields.None)
        {
            throw NicException.Invalid($"RSS hashes one IP version and one transport, not {fields}");
        }

        if ((fields & ~RssFields.Inner) == RssFields.None)
        {
            return parameters.Table.Queues.Count == 1
                ? null
                : throw NicException.Invalid("RSS without fields goes with a table of one entry only");
        }

        return parameters.Key.Length == Toeplitz.KeyBytes
            ? new Rss(fields, parameters.Key.Span)
            : throw NicException.Invalid($"the RSS key has {Toeplitz.KeyBytes} bytes, not {parameters.Key.Length}");
    }

    private static bool HasSeveral(RssFields fields, params ReadOnlySpan<RssFields> kinds)
    {
        int count = 0;
        foreach (RssFields kind in kinds)
        {
            count += (fields & kind) != RssFields.None ? 1 : 0;
        }

        return count > 1;
    }
}
