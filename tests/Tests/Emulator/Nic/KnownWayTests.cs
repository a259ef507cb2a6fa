using CsCheck;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

public sealed class KnownWayTests
{
    private const RssFields Ip4 = RssFields.SourceIp4 | RssFields.DestinationIp4;
    private const RssFields Ip6 = RssFields.SourceIp6 | RssFields.DestinationIp6;

    private static readonly RssFields[] s_fields =
    [
        Ip4, RssFields.SourceIp4, Ip4 | RssFields.SourceUdp | RssFields.DestinationUdp, Ip6 | RssFields.DestinationTcp, RssFields.SourceTcp, Ip4 | RssFields.Inner,
    ];

    /// <summary>The fields in which frames of one sample differ.</summary>
    private static Gen<Func<PlannedFrame, PlannedFrame>> Change =>
        from ports in Gen.Select(Gen.UShort[0, 1], Gen.UShort[0, 1])
        from isTcp in Gen.Bool
        from address in Gen.UInt[0, 1]
        select new Func<PlannedFrame, PlannedFrame>(frame => frame with
        {
            SourcePort = ports.Item1,
            DestinationPort = ports.Item2,
            Protocol = frame.Inner is not null ? frame.Protocol : isTcp ? IpProtocol.Tcp : IpProtocol.Udp,
            Inner = frame.Inner is { } inner ? inner with { DestinationIp = ports.Item1 } : null,
            SourceIp = frame.SourceIp + address,
        });

    [Fact]
    public void A_frame_goes_where_it_would_if_none_like_it_had_come_before() => Gen.Select(
        FlowSamples.Frame, FlowSamples.Flow.Array[0, 2], Gen.Int[0, s_fields.Length - 1].Array[2], Gen.Select(Change, Gen.Int[40, 160]).Array[12])
        .Sample((frame, flows, fields, changes) =>
        {
            using Side remembers = new(frame, flows, fields);
            using Side forgets = new(frame, flows, fields);
            foreach ((Func<PlannedFrame, PlannedFrame> change, int length) in changes)
            {
                byte[] bytes = change(frame).ToBytes();
                bytes = bytes[..Math.Min(bytes.Length, length)]; // some are cut short
                forgets.Forget();
                Assert.Equal(forgets.Receive(bytes), remembers.Receive(bytes));
            }
        }, iter: 400);

    [Fact]
    public void What_RSS_tells_apart_by_the_SPI_goes_no_known_way()
    {
        using TestPort port = new();
        using TestProgram program = new(port.Nic);
        RssQueuePair rss = port.Nic.CreateRssQueuePair(new RssParameters
        {
            Context = program.Context,
            Table = port.Nic.CreateIndirectionTable([program.Queue]),
            Fields = Ip4 | RssFields.IpsecSpi,
            Key = ToeplitzTests.Key,
        });
        program.PostReceive(3);
        program.Flow(Flows.Ethernet("02:00:00:00:00:01"), flow => flow with { Destination = rss });
        port.FromWire(Esp(spi: 1), Esp(spi: 1), Esp(spi: 2));
        Be32[] hashes = [.. Enumerable.Range(0, 3).Select(_ => program.PollReceive()!.Value.rx_hash_result)];
        Assert.Equal(hashes[0], hashes[1]);
        Assert.NotEqual(hashes[0], hashes[2]);
    }

    private static byte[] Esp(byte spi)
    {
        byte[] frame = Packet.Ethernet(EtherType.Ip4, Packet.Ip4(IpProtocol.Esp, [0, 0, 0, spi, .. new byte[44]], sums: false));
        MacAddress.Parse("02:00:00:00:00:01").CopyTo(frame);
        return frame;
    }

    /// <summary>A port with two programs, each with RSS of its own.</summary>
    private sealed class Side : IDisposable
    {
        private readonly TestPort _port = new();
        private readonly TestProgram[] _programs;
        private readonly RssQueuePair[] _rss;

        public Side(PlannedFrame frame, PlannedFlow[] flows, int[] fields)
        {
            _programs = [new TestProgram(_port.Nic), new TestProgram(_port.Nic)];
            _rss = [.. _programs.Select((program, i) => _port.Nic.CreateRssQueuePair(new RssParameters
            {
                Context = program.Context,
                Table = _port.Nic.CreateIndirectionTable([program.Queue]),
                Fields = s_fields[fields[i]],
                Key = ToeplitzTests.Key,
            }))];
            Array.ForEach(_programs, program => program.PostReceive(TestProgram.Entries));
            _programs[0].Flow(Flows.Ethernet(frame.Destination.ToString()), flow => flow with { Destination = _rss[0] });
            Array.ForEach(flows, TryAdd);
        }

        /// <summary>Changes the flows, and changes them back.</summary>
        public void Forget() => _port.Nic.RemoveFlow(_programs[0].Flow("02:00:00:00:00:77"));

        /// <summary>What the programs and Linux get of a frame.</summary>
        public string Receive(byte[] frame)
        {
            int before = _port.Netdev.Received.Count;
            _port.FromWire(frame);
            string[] received = [.. _programs.Select(program => string.Join(" + ", TakeAll(program)))];
            return string.Join("; ", received) + $"; Linux {_port.Netdev.Received.Count - before}";
        }

        public void Dispose()
        {
            _port.Dispose();
            Array.ForEach(_programs, program => program.Dispose());
        }

        private static IEnumerable<string> TakeAll(TestProgram program)
        {
            while (program.PollReceive() is { } completion)
            {
                program.PostReceive(1);
                yield return $"{completion.byte_cnt.Value} bytes, hash {completion.rx_hash_result}, types {completion.rx_hash_type:x} {completion.l4_hdr_type_etc:x}, "
                    + $"checksums {completion.hds_ip_ext:x} {completion.check_sum}, tag {completion.sop_drop_qpn}";
            }
        }

        private void TryAdd(PlannedFlow flow)
        {
            try
            {
                _port.Nic.AddFlow(new FlowParameters
                {
                    Context = _programs[flow.Destination].Context,
                    Destination = _rss[flow.Destination],
                    Match = FlowMatch.Of(flow.Specs),
                    Priority = flow.Priority,
                    DontTrap = flow.DontTrap,
                    Action = flow.Drops ? FlowAction.Drop : FlowAction.Forward,
                    Tag = flow.Tag,
                });
            }
            catch (NicException refused) when (refused.Errno == 17)
            {
                // One like it is there: both sides go without.
            }
        }
    }
}
