using CsCheck;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>Every packet is sent, dropped under a name, or waits: nothing is lost, doubled or leaked, whatever arrives.</summary>
public sealed class LedgerTests
{
    private static readonly Gen<string> s_address = AnyOf(
        TestRouter.LeftHost, TestRouter.LeftAddress, TestRouter.RightHost, TestRouter.RightAddress, "10.0.0.77", "10.0.1.77",
        "10.0.1.255", "192.0.2.1", "198.51.100.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1");

    private static readonly Gen<string> s_mac = AnyOf(
        TestRouter.LeftMac, TestRouter.LeftMac, TestRouter.RightMac, "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:00:00:00:00:99");

    private static readonly Gen<byte[]> s_payload = Gen.OneOf(
        Gen.Byte.Array[0, 60],
        Gen.Byte.Array[500, 1400],
        AnyOf<byte>(0, 3, 8, 11, 42).Select(type => Frame.Icmp(type)));

    private static readonly Gen<byte[]> s_ip4 = Gen.Select(
        s_address, s_address, AnyOf<byte>(0, 1, 2, 64), AnyOf<byte>(1, 1, 6, 17), s_payload,
        AnyOf<ushort>(0, 0, 0x4000, 0x2000, 1, 5), s_mac,
        (source, destination, ttl, protocol, payload, flags, mac) =>
            Frame.Ip4(source, destination, ttl, protocol, payload, flags, mac));

    private static readonly Gen<byte[]> s_arp = Gen.Select(
        AnyOf<ushort>(1, 1, 2, 3), AnyOf(TestRouter.LeftHostMac, TestRouter.RightHostMac), s_address, s_address, s_mac,
        Frame.Arp);

    private static readonly Gen<byte[]> s_frame = Gen.Select(
        Gen.OneOf(s_ip4, s_ip4, s_arp), Gen.Int[0, 3], Gen.Int[0, 60], Gen.Byte, Gen.Bool, Spoil);

    // Some frames come again and again, so that what keeps packets gets more than it can keep.
    private static readonly Gen<(byte[] Frame, int Times, bool Left, int Milliseconds)> s_event = Gen.Select(
        s_frame, Gen.Frequency((3, Gen.Const(1)), (1, Gen.Int[2, 7])), Gen.Bool, Gen.Frequency((20, Gen.Const(0)), (4, Gen.Int[1, 2000]), (1, Gen.Const(60_000))));

    [Fact]
    public void Each_frame_is_accounted_for_and_each_buffer_comes_back()
    {
        s_event.Array[1, 40].Sample(events =>
        {
            using TestRouter test = new(buffers: 256);
            test.Router.Interfaces.SetMtu(test.Right, 576);
            test.Router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse(TestRouter.RightHost));
            foreach ((byte[] frame, int times, bool left, int milliseconds) in events)
            {
                Expect(test, received: 0, () => test.Advance(milliseconds * 1_000_000L));
                for (int i = 0; i < times; i++)
                {
                    Expect(test, received: 1, () => test.Receive(left ? test.LeftPort : test.RightPort, frame));
                }
            }
        }, iter: 100);
    }

    private static Gen<T> AnyOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(at => values[at]);

    /// <summary>One frame at a time, so that the books of each are closed by themselves.</summary>
    private static void Expect(TestRouter test, int received, Action action)
    {
        Books before = Books.Of(test);
        action();
        Books after = Books.Of(test);
        Assert.Equal(
            received + after.Originated - before.Originated,
            after.Sent - before.Sent + after.Dropped - before.Dropped + after.Held - before.Held);
        Assert.Equal(after.Dropped, after.CountedDrops);
        test.ExpectNoLeak();
    }

    /// <summary>Mutates a byte, or cuts the frame, and makes the checksum right again in half of the cases.</summary>
    private static byte[] Spoil(byte[] frame, int how, int at, byte value, bool sum)
    {
        byte[] spoiled = how == 1 ? frame[..Math.Min(frame.Length, at + 1)] : frame;
        if (how == 2)
        {
            spoiled[at % spoiled.Length] = value;
        }

        return sum && spoiled.Length >= Frame.PayloadOffset ? Frame.SumIp4(spoiled) : spoiled;
    }

    private readonly record struct Books(long Sent, long Dropped, long Held, long Originated, long CountedDrops)
    {
        // What these count is not dropped, so that the rest of the counters must equal what the drop node saw.
        private static readonly Reason[] s_notDropped =
        [
            Reason.ArpRepliesSent, Reason.ArpRequestsSent, Reason.EchoRepliesSent, Reason.UnreachableSent, Reason.TimeExceededSent,
            Reason.PacketsFragmented, Reason.FragmentsSent, Reason.PacketsReassembled, Reason.FragmentsReassembled,
        ];

        public static Books Of(TestRouter test)
        {
            IReadOnlyList<ErrorCount> errors = test.Router.Errors;
            long Sum(Func<ErrorCount, bool> condition) => errors.Where(condition).Sum(error => (long)error.Count);
            long learnedFromRequests = Sum(e => e.Reason == Reason.ArpRepliesSent) - ProbesAnswered(test);
            long dropped = (long)test.Router.ReadRuntime(test.Now)[0].Nodes.Single(node => node.Kind == NodeKind.Drop).Vectors;
            return new Books(
                test.LeftPort.Sent.Count + test.RightPort.Sent.Count,
                dropped,
                test.Router.Workers[0].Graph.HeldCount,
                Sum(e => e.Reason is Reason.ArpRequestsSent or Reason.FragmentsSent or Reason.PacketsReassembled)
                    - Sum(e => e.Reason is Reason.PacketsFragmented or Reason.FragmentsReassembled),
                Sum(e => !s_notDropped.Contains(e.Reason)) - learnedFromRequests);
        }

        private static long ProbesAnswered(TestRouter test) => test.LeftPort.Sent.Concat(test.RightPort.Sent).Count(frame =>
            Frame.EthernetOf(frame).Type == EtherType.Arp && Frame.ArpOf(frame).Operation == ArpHeader.Reply && Frame.ArpOf(frame).TargetIp.IsZero);
    }
}
