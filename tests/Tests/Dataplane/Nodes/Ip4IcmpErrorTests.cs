using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

public sealed class Ip4IcmpErrorTests : IDisposable
{
    private readonly TestRouter _test = new TestRouter().WithNeighbors();

    public void Dispose() => _test.Dispose();

    [Theory] // RFC 1812, 4.3.2.7
    [InlineData(IcmpHeader.DestinationUnreachable)]
    [InlineData(IcmpHeader.TimeExceeded)]
    [InlineData(5)]
    [InlineData(12)]
    [InlineData(99)]
    public void An_icmp_error_is_never_answered_with_another(byte type)
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(
            TestRouter.LeftHost, TestRouter.RightHost, ttl: 1, IpProtocol.Icmp, Frame.Icmp(type)));
        _test.ExpectOnly("ip4-rewrite", Reason.Ip4TtlExpired);
    }

    [Fact]
    public void An_icmp_query_is_answered_with_an_error_where_one_is_due()
    {
        byte[] frame = Frame.EchoRequest(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1);
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.TimeExceeded, 0).Quotes(frame);
    }

    [Fact]
    public void A_fragment_other_than_the_first_is_not_answered() // RFC 1812, 4.3.2.7
    {
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1, flagsAndOffset: 1));
        _test.ExpectOnly("ip4-rewrite", Reason.Ip4TtlExpired);
    }

    [Fact]
    public void The_answer_is_at_most_576_bytes_long() // RFC 1812, 4.3.2.3
    {
        byte[] frame = Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1, payload: new byte[1000]);
        _test.Receive(_test.LeftPort, frame);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).TotalLength(576).Icmp(IcmpHeader.TimeExceeded, 0).Quotes(frame);
    }

    [Fact]
    public void Answers_are_limited_in_number() // RFC 1812, 4.3.2.8
    {
        for (int i = 0; i < 200; i++)
        {
            _test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1));
        }

        _test.Run();
        Assert.Equal(50, _test.LeftPort.Sent.Count);
        Assert.Equal(150u, _test.Count("ip4-icmp-error", Reason.IcmpErrorsThrottled));

        _test.Advance(TestRouter.Second / 100);
        _test.LeftPort.Sent.Clear();
        for (int i = 0; i < 200; i++)
        {
            _test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1));
        }

        _test.Run();
        Assert.Equal(10, _test.LeftPort.Sent.Count);
    }
}
