using Verbena.Dataplane;
using Verbena.Dataplane.Ping;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

public sealed class PingTests : IDisposable
{
    private const long Millisecond = 1_000_000;
    private readonly TestRouter _test = new TestRouter().WithNeighbors();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Each_request_is_sent_when_it_is_due_and_its_reply_is_told_with_its_round_trip()
    {
        PingSession session = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)) { Repeat = 2, Size = 100 });
        byte[] request = Assert.Single(_test.RightPort.Sent);
        Expect.Ip4(request).From(TestRouter.RightAddress).To(TestRouter.RightHost).Ttl(64).TotalLength(128)
            .Icmp(IcmpHeader.EchoRequest, 0).Echo(session.Identifier, 1);

        Answer(afterNanoseconds: 3 * Millisecond, ttl: 57);
        Assert.Equal(
            [new PingResult(1, PingOutcome.Reply, Ip4Address.Parse(TestRouter.RightHost), 128, 57, TimeSpan.FromMilliseconds(3))],
            Read(session));
        _test.Advance(996 * Millisecond);
        Assert.Empty(_test.RightPort.Sent);
        _test.Advance(1 * Millisecond);
        Answer(afterNanoseconds: Millisecond, ttl: 57);
        Assert.Equal(2, Assert.Single(Read(session)).Sequence);
        Assert.True(session.Results.Completion.IsCompletedSuccessfully);
        Assert.Equal((2, 2), (session.Sent, session.Received));
    }

    [Fact]
    public void A_request_without_a_reply_is_told_after_a_second()
    {
        PingSession session = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost))
        {
            Repeat = 2,
            Interval = TimeSpan.FromMilliseconds(10),
        });
        _test.Advance(10 * Millisecond);
        Answer(afterNanoseconds: 0, ttl: 64); // answers the second request only
        _test.Advance(990 * Millisecond);
        Assert.Equal([(2, PingOutcome.Reply), (1, PingOutcome.NoReply)], Read(session).Select(result => (result.Sequence, result.Outcome)));
        Assert.True(session.Results.Completion.IsCompleted);
        Assert.Equal((2, 1), (session.Sent, session.Received));
    }

    [Fact]
    public void Each_request_has_an_identification_of_its_own() // RFC 6864, 4.1: it may be cut into fragments
    {
        Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)) { Repeat = 3 });
        _test.Advance(TestRouter.Second);
        _test.Advance(TestRouter.Second);
        Assert.Equal(3, _test.RightPort.Sent.Select(frame => Frame.Ip4HeaderOf(frame).Identification.Value).Distinct().Count());
    }

    [Fact]
    public void An_own_address_answers()
    {
        PingSession session = Start(new PingOptions(Ip4Address.Parse(TestRouter.LeftAddress)) { Repeat = 1 });
        Assert.Equal(PingOutcome.Reply, Assert.Single(Read(session)).Outcome);
        Assert.Empty(_test.LeftPort.Sent);
    }

    [Fact]
    public void Without_a_route_every_request_fails_and_none_is_sent()
    {
        PingSession session = Start(new PingOptions(Ip4Address.Parse("192.0.2.1")) { Repeat = 1 });
        Assert.Equal(PingOutcome.NoEgressInterface, Assert.Single(Read(session)).Outcome);
        Assert.Equal(0, session.Sent);
        Assert.True(session.Results.Completion.IsCompleted);
    }

    [Fact]
    public void Without_a_buffer_the_request_fails()
    {
        BufferIndex[] all = new BufferIndex[_test.Buffers.Count];
        Assert.Equal(all.Length, _test.Buffers.Take(all));
        PingSession session = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)) { Repeat = 1 });
        _test.Buffers.Return(all);
        Assert.Equal(PingOutcome.NoBuffer, Assert.Single(Read(session)).Outcome);
        Assert.Equal(0, session.Sent);
    }

    [Fact]
    public void A_cancelled_session_sends_no_more_and_is_over()
    {
        PingSession session = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)));
        session.Cancel();
        _test.Advance(5 * TestRouter.Second);
        Assert.Single(_test.RightPort.Sent);
        Assert.True(session.Results.Completion.IsCompleted);
    }

    [Fact]
    public void Two_sessions_are_told_apart_by_their_identifiers()
    {
        PingSession first = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)));
        _test.RightPort.Sent.Clear();
        PingSession second = Start(new PingOptions(Ip4Address.Parse(TestRouter.RightHost)));
        Answer(afterNanoseconds: 0, ttl: 64);
        Assert.Empty(Read(first));
        Assert.Single(Read(second));
    }

    [Theory]
    [InlineData(-1, 5, 1.0, null)]
    [InlineData(2021, 5, 1.0, null)]
    [InlineData(60, 0, 1.0, null)]
    [InlineData(60, 5, 0.0, null)]
    [InlineData(60, 5, 1.0, "10.0.0.9")]
    public void Options_that_make_no_sense_are_refused(int size, int repeat, double interval, string? source)
    {
        Assert.Throws<RouterException>(() => _test.Router.StartPing(new PingOptions(Ip4Address.Parse(TestRouter.RightHost))
        {
            Size = size,
            Repeat = repeat,
            Interval = TimeSpan.FromSeconds(interval),
            Source = source is null ? null : Ip4Address.Parse(source),
        }));
    }

    private static List<PingResult> Read(PingSession session)
    {
        List<PingResult> results = [];
        while (session.Results.TryRead(out PingResult result))
        {
            results.Add(result);
        }

        return results;
    }

    private PingSession Start(PingOptions options)
    {
        PingSession session = _test.Router.StartPing(options);
        _test.Run();
        return session;
    }

    /// <summary>The right host answers the request sent last.</summary>
    private void Answer(long afterNanoseconds, byte ttl)
    {
        byte[] request = _test.RightPort.Sent[^1];
        _test.RightPort.Sent.Clear();
        byte[] message = request[Frame.PayloadOffset..];
        message[0] = IcmpHeader.EchoReply;
        (message[2], message[3]) = (0, 0);
        Be16 sum = Checksum.Compute(message);
        (message[2], message[3]) = ((byte)(sum.Value >> 8), (byte)sum.Value);
        _test.Advance(afterNanoseconds);
        _test.Receive(_test.RightPort, Frame.Ip4(
            TestRouter.RightHost, TestRouter.RightAddress, ttl, IpProtocol.Icmp, message, macDestination: TestRouter.RightMac));
    }
}
