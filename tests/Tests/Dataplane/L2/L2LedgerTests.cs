using CsCheck;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

/// <summary>Every frame, and every copy made of one, is sent or dropped under a name, whatever arrives and however it is tagged.</summary>
public sealed class L2LedgerTests
{
    private const string BviMac = "b0:b0:00:00:00:00";

    private static readonly Gen<MacAddress> s_address = AnyOf(
        "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:00", BviMac, "00:00:00:00:00:00", "02:00:00:00:00:20", "02:00:00:00:00:21",
        "02:00:00:00:00:22", "02:00:00:00:00:23", "02:00:00:00:00:10").Select(MacAddress.Parse);

    private static readonly Gen<VlanTag> s_tag = Gen.Select(
        AnyOf(EtherType.Vlan, EtherType.ServiceVlan), AnyOf(0, 100, 200, 300), (type, id) => new VlanTag(type, id));

    private static readonly Gen<(int Port, byte[] Frame)> s_event = Gen.Select(
        Gen.Int[0, 3], s_address, s_address, s_tag.Array[0, 3], Gen.Int[2, 1520], Gen.Int[0, 80],
        (port, destination, source, tags, payload, cut) =>
        {
            byte[] frame = TestSwitch.Frame(destination, source, tags, payload);
            return (port, cut < 20 ? frame[..Math.Min(cut, frame.Length)] : frame);
        });

    [Fact]
    public void Each_frame_and_each_copy_is_accounted_for() => s_event.Array[1, 60].Sample(
        events =>
        {
            using TestSwitch test = Configured();
            foreach ((int port, byte[] frame) in events)
            {
                (ulong drops, ulong copies) = (Dropped(test), test.Count("l2-flood", Reason.L2FloodCopies));
                test.Receive(port, frame);
                copies = test.Count("l2-flood", Reason.L2FloodCopies) - copies;
                Assert.Equal(1 + copies, (ulong)test.Ports.Sum(each => each.Sent.Count) + Dropped(test) - drops);
            }
        },
        iter: 30);

    /// <summary>Two domains, members of one group, a trunk whose VLANs are popped, translated and pushed, a BVI and a filter.</summary>
    private static TestSwitch Configured()
    {
        TestSwitch test = new(buffers: 64);
        BridgeDomain domain = test.Bridge(members: 2);
        BridgeDomain other = test.Bridging.Create(11);
        Interface popping = AddMember(test, 100, domain);
        test.Bridging.SetTagRewrite(popping, TagRewrite.Pop(popping, 1));
        Interface translating = AddMember(test, 200, domain);
        test.Bridging.SetTagRewrite(translating, TagRewrite.Translate(translating, 1, TestSwitch.Tag(300)));
        test.Bridging.SetTagRewrite(test.Interfaces[1], TagRewrite.Push(test.Interfaces[1], TestSwitch.Tag(7)));
        test.Bridging.Join(test.Interfaces[0], domain, splitHorizonGroup: 1);
        test.Bridging.Join(popping, domain, splitHorizonGroup: 1);
        test.Bridging.Join(test.Interfaces[3], other);
        Interface bvi = test.Router.Interfaces.AddVirtual("bvi0", MacAddress.Parse(BviMac));
        test.Bridging.Join(bvi, domain, BridgeRole.Bvi);
        test.Router.Interfaces.SetAdminUp(bvi, up: true);
        test.Bridging.AddFilter(domain, TestSwitch.Host(3));
        return test;
    }

    private static Interface AddMember(TestSwitch test, int vlan, BridgeDomain domain)
    {
        Interface sub = test.Router.Interfaces.AddSub(test.Interfaces[2], vlan, VlanMatch.OneTag(EtherType.Vlan, vlan, exact: false));
        test.Router.Interfaces.SetAdminUp(sub, up: true);
        test.Bridging.Join(sub, domain);
        return sub;
    }

    private static ulong Dropped(TestSwitch test) => test.Router.Workers[0].Graph.Dispatcher.Drop.ReadRuntime().Vectors;

    private static Gen<T> AnyOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(at => values[at]);
}
