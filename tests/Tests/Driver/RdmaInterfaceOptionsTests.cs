using Verbena.Driver;

namespace Verbena.Tests.Driver;

public sealed class RdmaInterfaceOptionsTests
{
    private static readonly RdmaInterfaceOptions s_defaults = new() { HostInterface = "enp94s0f0", Name = "rdma-0" };

    [Fact]
    public void The_defaults_are_VPPs()
    {
        Assert.Null(s_defaults.Validate());
        Assert.Equal((1024, 1024, 2), (s_defaults.RxQueueSize, s_defaults.TxQueueSize, s_defaults.RxQueues));
        Assert.Equal((RdmaMode.Auto, Rss4.Ipv4Tcp, Rss6.Ipv6Tcp), (s_defaults.Mode, s_defaults.Rss4, s_defaults.Rss6));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(128)]
    [InlineData(1000)]
    [InlineData(65536)]
    [InlineData(-1024)]
    public void A_queue_size_is_a_power_of_two_from_256_to_32768(int size)
    {
        string allowed = $"{size} is not allowed: a power of two from 256 to 32768";
        Assert.Equal($"rx-queue-size {allowed}", (s_defaults with { RxQueueSize = size }).Validate());
        Assert.Equal($"tx-queue-size {allowed}", (s_defaults with { TxQueueSize = size }).Validate());
    }

    [Theory]
    [InlineData(256)]
    [InlineData(32768)]
    public void The_smallest_and_the_largest_queue_are_allowed(int size) =>
        Assert.Null((s_defaults with { RxQueueSize = size, TxQueueSize = size }).Validate());

    [Theory]
    [InlineData(0)]
    [InlineData(2049)]
    public void The_number_of_receive_queues_has_limits(int queues) =>
        Assert.Equal($"num-rx-queues {queues} is not allowed: a number from 1 to 2048", (s_defaults with { RxQueues = queues }).Validate());

    [Theory]
    [InlineData(81)]
    [InlineData(65536)]
    public void The_longest_packet_has_limits(int length) =>
        Assert.Equal($"max-pktlen {length} is not allowed: a number from 82 to 65535", (s_defaults with { MaxPacketLength = length }).Validate());

    [Theory]
    [InlineData(RdmaMode.Ibv, CqeCompression.Auto, RxMetadata.FlowTag, "use mode dv or auto")]
    [InlineData(RdmaMode.Dv, CqeCompression.Hash, RxMetadata.Timestamp, "use cqe-compression auto or none")]
    [InlineData(RdmaMode.Auto, CqeCompression.Checksum, RxMetadata.RssHash | RxMetadata.FlowTag, "use cqe-compression auto, none or hash")]
    public void Metadata_that_could_not_be_told_is_refused(RdmaMode mode, CqeCompression compression, RxMetadata metadata, string advice) =>
        Assert.EndsWith(advice, (s_defaults with { Mode = mode, CqeCompression = compression, Metadata = metadata }).Validate(), StringComparison.Ordinal);

    [Theory]
    [InlineData(CqeCompression.Auto, RxMetadata.Timestamp | RxMetadata.RssHash)]
    [InlineData(CqeCompression.Hash, RxMetadata.RssHash)]
    [InlineData(CqeCompression.ChecksumStrideIndex, RxMetadata.FlowTag)]
    public void Metadata_that_can_be_told_is_allowed(CqeCompression compression, RxMetadata metadata) =>
        Assert.Null((s_defaults with { CqeCompression = compression, Metadata = metadata }).Validate());

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../../proc")]
    [InlineData("a b")]
    [InlineData("sixteen-letters-")]
    public void A_host_interface_is_named_as_Linux_allows(string name) =>
        Assert.Contains("can't be the name of a Linux network interface", (s_defaults with { HostInterface = name }).Validate(), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("rdma 0")]
    [InlineData("rdma\u00070")]
    public void A_port_has_a_name_that_can_be_typed(string name) =>
        Assert.Contains("is not allowed: 1 to 63 characters without blanks", (s_defaults with { Name = name }).Validate(), StringComparison.Ordinal);
}
