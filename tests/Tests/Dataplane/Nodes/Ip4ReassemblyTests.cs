using CsCheck;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.Nodes;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Nodes;

/// <summary>Fragments for the router itself, as others send them: RFC 791, 3.2 and RFC 1122, 3.3.2.</summary>
public sealed class Ip4ReassemblyTests : IDisposable
{
    private const string Node = "ip4-local-full-reassembly";
    private readonly TestRouter _test = new TestRouter().WithNeighbors();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Fragments_of_an_echo_request_are_answered_in_whatever_order_and_how_often_they_come()
    {
        Gen<int> length = Gen.Frequency((1, Gen.Const(8)), (3, Gen.Int[1, 185].Select(eights => eights * 8)));
        Gen.Select(length.Array[1, 40], Gen.Int[1, 1480], Gen.Int).Sample((lengths, lastLength, seed) =>
        {
            using TestRouter test = new TestRouter().WithNeighbors();
            var random = new Random(seed);
            byte[] message = Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: Math.Max(lengths.Sum() + lastLength - IcmpHeader.Size, 1));
            byte[][] fragments = Cut(message, lengths);
            random.Shuffle(fragments);
            byte[][] repeated = [.. fragments[..^1].Where(_ => random.Next(3) == 0)];
            byte[][] arriving = [.. fragments[..^1], .. repeated];
            random.Shuffle(arriving);
            Array.ForEach(arriving, fragment => test.Receive(test.LeftPort, fragment));
            Assert.Empty(test.LeftPort.Sent);
            Assert.Equal(fragments.Length - 1, test.Router.Workers[0].Graph.HeldCount);
            test.Receive(test.LeftPort, fragments[^1]);

            byte[] reply = [.. test.LeftPort.Sent.SelectMany(fragment => fragment[Frame.PayloadOffset..])];
            Assert.True(Checksum.IsValid(reply), "the ICMP checksum is right");
            Assert.Equal(IcmpHeader.EchoReply, reply[0]);
            Assert.Equal(message[4..], reply[4..]);
            Assert.All(test.LeftPort.Sent, fragment => Expect.Ip4(fragment).From(TestRouter.LeftAddress).To(TestRouter.LeftHost));
            Assert.Equal((1ul, (ulong)fragments.Length), (test.Count(Node, Reason.PacketsReassembled), test.Count(Node, Reason.FragmentsReassembled)));
            Assert.Equal((ulong)repeated.Length, test.Count(Node, Reason.ReassemblyDuplicate));
            Assert.Equal(test.Buffers.Count, test.Buffers.FreeCount);
        }, iter: 60);
    }

    [Fact]
    public void Fragments_of_several_datagrams_at_a_time_are_not_mixed_up()
    {
        byte[][] messages = [.. Enumerable.Range(1, 5).Select(id => Frame.Icmp(IcmpHeader.EchoRequest, identifier: (ushort)id, payloadBytes: 100))];
        byte[][][] all = [.. messages.Select((message, i) => Cut(message, [56], identification: (ushort)i))];
        all = [.. all, Cut(messages[0], [56], source: "10.0.0.9"), Cut(messages[0], [56], destination: TestRouter.RightAddress)];
        _test.Router.Ip4.AddNeighbor(_test.Left, Ip4Address.Parse("10.0.0.9"), MacAddress.Parse("02:00:00:00:00:09"));
        foreach (byte[] fragment in all.Select(pair => pair[1]).Concat(all.Select(pair => pair[0])))
        {
            _test.Receive(_test.LeftPort, fragment);
        }

        Assert.Equal(7, _test.LeftPort.Sent.Count);
        Assert.All(messages.Zip(_test.LeftPort.Sent), pair =>
            Expect.Ip4(pair.Second).To(TestRouter.LeftHost).Icmp(IcmpHeader.EchoReply, 0).Echo((ushort)((pair.First[4] << 8) | pair.First[5]), 1));
        Expect.Ip4(_test.LeftPort.Sent[5]).To("10.0.0.9");
        Expect.Ip4(_test.LeftPort.Sent[6]).From(TestRouter.RightAddress);
    }

    [Fact]
    public void Fragments_of_several_buffers_are_joined_as_others_are()
    {
        byte[] message = Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: 10_001);
        byte[][] fragments = Cut(message, [4000, 4000]);
        _test.Receive(_test.LeftPort, fragments[2]);
        _test.Receive(_test.LeftPort, fragments[0]);
        Assert.Equal(3, _test.Router.Workers[0].Graph.HeldCount);
        _test.Receive(_test.LeftPort, fragments[1]);
        Assert.Equal(message[4..], _test.LeftPort.Sent.SelectMany(fragment => fragment[Frame.PayloadOffset..]).Skip(4));
        Assert.Equal(0, _test.Router.Workers[0].Graph.HeldCount);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void What_is_whole_again_is_handled_as_if_it_had_come_so()
    {
        byte[] datagram = new byte[1600];
        Array.ForEach(Cut(datagram, [800], identification: 0x1234, protocol: IpProtocol.Udp), fragment => _test.Receive(_test.LeftPort, fragment));
        byte[] whole = Frame.Ip4(TestRouter.LeftHost, TestRouter.LeftAddress, payload: datagram);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.DestinationUnreachable, 3).Quotes(whole);
    }

    [Theory]
    [InlineData("0-16+ 8-24")]
    [InlineData("8-24 0-16+")]
    [InlineData("0-24+ 8-16+")]  // one inside another
    [InlineData("8-16+ 0-24+")]
    [InlineData("8-24+ 8-24")]   // the last, and not the last
    [InlineData("8-16 16-24+")]  // behind the end
    [InlineData("16-24+ 8-16")]
    [InlineData("8-16 16-24")]   // two ends
    [InlineData("0-8+ 16-32+ 8-24+")]
    public void Fragments_that_contradict_each_other_are_dropped_with_all_others_of_the_datagram(string fragments) // RFC 5722
    {
        string[] parts = fragments.Split(' ');
        foreach (string part in parts)
        {
            int[] ends = [.. part.TrimEnd('+').Split('-').Select(int.Parse)];
            _test.Receive(_test.LeftPort, Fragment(new byte[ends[1] - ends[0]], ends[0], more: part.EndsWith('+')));
        }

        Assert.Empty(_test.LeftPort.Sent);
        Assert.Equal((ulong)parts.Length, _test.Count(Node, Reason.ReassemblyOverlap));
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void Random_fragments_are_answered_dropped_under_a_name_or_given_up_in_time()
    {
        Gen<(int Start, int Length, bool More, int Id)> fragment = Gen.Select(Gen.Int[0, 6], Gen.Int[0, 40], Gen.Bool, Gen.Int[1, 3]);
        fragment.Array[1, 60].Sample(fragments =>
        {
            using TestRouter test = new TestRouter().WithNeighbors();
            foreach ((int start, int length, bool more, int id) in fragments)
            {
                test.Receive(test.LeftPort, Fragment(new byte[length], start * 8, more, identification: (ushort)id));
            }

            test.ExpectNoLeak();
            test.Advance(Ip4ReassemblyNode.TimeoutNanoseconds);
            Assert.Equal(test.Buffers.Count, test.Buffers.FreeCount);
            ulong dropped = test.Router.ReadRuntime(test.Now)[0].Nodes.Single(node => node.Kind == NodeKind.Drop).Vectors;
            ulong joined = test.Count(Node, Reason.FragmentsReassembled) - test.Count(Node, Reason.PacketsReassembled);
            Assert.Equal((ulong)fragments.Length, dropped + joined + (ulong)test.LeftPort.Sent.Count);
        }, iter: 300);
    }

    [Fact]
    public void A_datagram_that_is_not_whole_after_a_minute_is_given_up_and_its_sender_told() // RFC 1122, 3.3.2
    {
        byte[] first = Cut(Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: 1000), [504])[0];
        _test.Receive(_test.LeftPort, first);
        _test.Advance(Ip4ReassemblyNode.TimeoutNanoseconds - 1);
        Assert.Empty(_test.LeftPort.Sent);
        _test.Advance(1);
        Expect.Ip4(Assert.Single(_test.LeftPort.Sent)).Icmp(IcmpHeader.TimeExceeded, 1).Quotes(first);
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void Nobody_is_told_of_fragments_whose_first_one_never_came()
    {
        _test.Receive(_test.LeftPort, Cut(Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: 1000), [504])[1]);
        _test.Advance(Ip4ReassemblyNode.TimeoutNanoseconds);
        _test.ExpectOnly(Node, Reason.ReassemblyTimeout);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(12)] // not the last, and no whole number of 8 bytes
    public void A_fragment_that_can_t_be_one_is_dropped(int bytes)
    {
        _test.Receive(_test.LeftPort, Fragment(new byte[bytes], 8, more: true));
        _test.ExpectOnly(Node, Reason.ReassemblyMalformed);
    }

    [Fact]
    public void A_datagram_longer_than_any_can_be_is_dropped()
    {
        byte[] message = new byte[65_536];
        byte[][] fragments = Cut(message, [.. Enumerable.Repeat(1480, 44)]);
        Array.ForEach(fragments, fragment => _test.Receive(_test.LeftPort, fragment));
        Assert.Empty(_test.LeftPort.Sent);
        Assert.Equal((ulong)fragments.Length, _test.Count(Node, Reason.ReassemblyMalformed));
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void The_longest_datagram_is_answered()
    {
        byte[] message = Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: 65_507);
        Array.ForEach(Cut(message, [.. Enumerable.Repeat(1480, 44)]), fragment => _test.Receive(_test.LeftPort, fragment));
        Assert.Equal(message[4..], _test.LeftPort.Sent.SelectMany(fragment => fragment[Frame.PayloadOffset..]).Skip(4));
    }

    [Fact]
    public void A_datagram_in_too_many_fragments_is_dropped()
    {
        for (int i = 0; i <= FragmentedDatagram.MaxFragments; i++)
        {
            _test.Receive(_test.LeftPort, Fragment(new byte[8], i * 8, more: true));
        }

        Assert.Equal(FragmentedDatagram.MaxFragments + 1ul, _test.Count(Node, Reason.ReassemblyTooManyFragments));
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void The_oldest_datagram_makes_way_where_there_are_too_many()
    {
        for (int i = 0; i <= Ip4ReassemblyNode.MaxDatagrams; i++)
        {
            _test.Receive(_test.LeftPort, Fragment(new byte[8], 0, more: true, identification: (ushort)i));
        }

        _test.ExpectOnly(Node, Reason.ReassemblyLimit);
        Assert.Equal(Ip4ReassemblyNode.MaxDatagrams, _test.Router.Workers[0].Graph.HeldCount);
        _test.Receive(_test.LeftPort, Fragment(new byte[8], 8, more: false, identification: 1));
        Assert.Equal(1ul, _test.Count(Node, Reason.PacketsReassembled));
    }

    [Fact]
    public void The_oldest_datagram_makes_way_where_all_have_too_many_buffers()
    {
        int most = _test.Buffers.Count / 16;
        for (int i = 0; i <= most; i++)
        {
            _test.Receive(_test.LeftPort, Fragment(new byte[8], i / 2 * 8, more: true, identification: (ushort)(i % 2)));
        }

        Assert.Equal((ulong)(most / 2) + 1, _test.Count(Node, Reason.ReassemblyLimit));
        Assert.Equal(most / 2, _test.Router.Workers[0].Graph.HeldCount);
    }

    [Fact]
    public void A_datagram_for_which_there_is_no_buffer_is_dropped()
    {
        byte[][] fragments = Cut(Frame.Icmp(IcmpHeader.EchoRequest, payloadBytes: 2900), [1480]);
        _test.Receive(_test.LeftPort, fragments[0]);
        var all = new BufferIndex[_test.Buffers.FreeCount - 1];
        Assert.Equal(all.Length, _test.Buffers.Take(all));
        _test.Receive(_test.LeftPort, fragments[1]);
        _test.Buffers.Return(all);
        Assert.Equal(2ul, _test.Count(Node, Reason.ReassemblyNoBuffer));
        Assert.Equal(_test.Buffers.Count, _test.Buffers.FreeCount);
    }

    [Fact]
    public void Fragments_that_wait_are_returned_when_the_interface_they_came_by_is_removed()
    {
        _test.Receive(_test.LeftPort, Fragment(new byte[8], 0, more: true));
        _test.Receive(_test.RightPort, Fragment(new byte[8], 0, more: true, source: TestRouter.RightHost, mac: TestRouter.RightMac));
        _test.Router.Interfaces.Remove(_test.Left);
        Assert.Equal(1ul, _test.Count(Node, Reason.InterfaceDeleted));
        Assert.Equal(1, _test.Router.Workers[0].Graph.HeldCount);
    }

    [Fact]
    public void A_fragment_from_an_own_address_is_dropped()
    {
        _test.Receive(_test.LeftPort, Fragment(new byte[8], 0, more: true, source: TestRouter.RightAddress));
        _test.ExpectOnly("ip4-local", Reason.Ip4SpoofedLocal);
    }

    /// <summary>Cuts a payload into pieces of these lengths and a last one of the rest.</summary>
    private static byte[][] Cut(
        byte[] payload, int[] lengths, ushort identification = 1, byte protocol = IpProtocol.Icmp,
        string source = TestRouter.LeftHost, string destination = TestRouter.LeftAddress)
    {
        var fragments = new List<byte[]>();
        int at = 0;
        foreach (int length in lengths)
        {
            fragments.Add(Fragment(payload[at..(at + length)], at, more: true, identification, protocol, source, destination));
            at += length;
        }

        return [.. fragments, Fragment(payload[at..], at, more: false, identification, protocol, source, destination)];
    }

    private static byte[] Fragment(
        byte[] payload, int start, bool more, ushort identification = 1, byte protocol = IpProtocol.Icmp,
        string source = TestRouter.LeftHost, string destination = TestRouter.LeftAddress, string mac = TestRouter.LeftMac)
    {
        ushort flagsAndOffset = (ushort)((more ? Ip4Header.MoreFragments : 0) | (start / 8));
        byte[] frame = Frame.Ip4(source, destination, protocol: protocol, payload: payload, flagsAndOffset: flagsAndOffset, macDestination: mac);
        Frame.Ip4HeaderOf(frame).Identification = identification;
        return Frame.SumIp4(frame);
    }
}
