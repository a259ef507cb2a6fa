using System.Globalization;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class TagRewriteTests : IDisposable
{
    private readonly TestSwitch _test = new();

    public void Dispose() => _test.Dispose();

    // Tags are written as VLANs, the outer first; the other port of the bridge rewrites nothing.
    [Theory]
    [InlineData("push 1", "", "7")]
    [InlineData("push 2", "", "7 8")]
    [InlineData("pop 1", "100", "")]
    [InlineData("pop 1", "100 20", "20")]
    [InlineData("pop 2", "100 20", "")]
    [InlineData("translate 1", "100", "7")]
    [InlineData("translate 1 2", "100", "7 8")]
    [InlineData("translate 2", "100 20", "7")]
    [InlineData("translate 2 2", "100 20", "7 8")]
    public void A_rewrite_on_input_is_undone_on_output(string rewrite, string outside, string inside)
    {
        Interface tagged = Member(outside);
        BridgeDomain domain = _test.Bridging.Create(10);
        _test.Bridging.Join(tagged, domain);
        _test.Bridging.Join(_test.Interfaces[1], domain);
        _test.Bridging.SetTagRewrite(tagged, Parse(tagged, rewrite));

        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), Tags(outside)));
        Assert.Equal(TestSwitch.Frame(MacAddress.Broadcast, TestSwitch.Host(0), Tags(inside)), Assert.Single(_test.Ports[1].Sent));

        _test.Receive(1, TestSwitch.Frame(TestSwitch.Host(0), TestSwitch.Host(1), Tags(inside)));
        Assert.Equal(TestSwitch.Frame(TestSwitch.Host(0), TestSwitch.Host(1), Tags(outside)), Assert.Single(_test.Ports[0].Sent));
    }

    [Fact]
    public void A_frame_with_fewer_tags_than_are_to_be_taken_is_dropped()
    {
        _test.Bridge(members: 2);
        _test.Bridging.SetTagRewrite(_test.Interfaces[1], TagRewrite.Push(_test.Interfaces[1], TestSwitch.Tag(7)));
        _test.Send(0, 1);
        _test.ExpectDropped("l2-output", Reason.L2OutputTagRewrite);
    }

    [Fact]
    public void A_sub_interface_sends_only_what_the_far_end_would_take_for_its()
    {
        Interface sub = Member("100");
        BridgeDomain domain = _test.Bridging.Create(10);
        _test.Bridging.Join(sub, domain);
        _test.Bridging.Join(_test.Interfaces[1], domain);
        _test.Send(1, 0);
        _test.ExpectDropped("l2-output", Reason.L2OutputFilter);
    }

    [Fact]
    public void Only_tags_that_can_be_put_back_are_taken()
    {
        Assert.Throws<RouterException>(() => TagRewrite.Pop(_test.Interfaces[0], 1));
        Assert.Throws<RouterException>(() => TagRewrite.Pop(Member("100"), 2));
        Assert.Throws<RouterException>(() => TagRewrite.Translate(_test.Interfaces[0], 1, TestSwitch.Tag(7)));
    }

    [Fact]
    public void VLANs_of_two_ports_are_bridged_by_popping_the_tag_of_each()
    {
        BridgeDomain domain = _test.Bridging.Create(10);
        foreach ((int port, int vlan) in ((int, int)[])[(0, 100), (1, 200)])
        {
            Interface sub = Member(port, vlan.ToString(CultureInfo.InvariantCulture));
            _test.Bridging.Join(sub, domain);
            _test.Bridging.SetTagRewrite(sub, TagRewrite.Pop(sub, 1));
        }

        _test.Receive(0, TestSwitch.Frame(TestSwitch.Host(1), TestSwitch.Host(0), [TestSwitch.Tag(100)]));
        Assert.Equal(TestSwitch.Frame(TestSwitch.Host(1), TestSwitch.Host(0), [TestSwitch.Tag(200)]), Assert.Single(_test.Ports[1].Sent));
        _test.Receive(0, TestSwitch.Frame(TestSwitch.Host(1), TestSwitch.Host(0)));
        _test.ExpectDropped("ethernet-input", Reason.MacMismatch); // untagged frames are the port's own, which routes
    }

    private static VlanTag[] Tags(string vlans) =>
        [.. vlans.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(vlan => TestSwitch.Tag(int.Parse(vlan, CultureInfo.InvariantCulture)))];

    private static TagRewrite Parse(Interface target, string rewrite) => rewrite.Split(' ') switch
    {
        ["push", "1"] => TagRewrite.Push(target, TestSwitch.Tag(7)),
        ["push", "2"] => TagRewrite.Push(target, TestSwitch.Tag(7), TestSwitch.Tag(8)),
        ["pop", var count] => TagRewrite.Pop(target, int.Parse(count, CultureInfo.InvariantCulture)),
        ["translate", var count] => TagRewrite.Translate(target, int.Parse(count, CultureInfo.InvariantCulture), TestSwitch.Tag(7)),
        [_, var count, _] => TagRewrite.Translate(target, int.Parse(count, CultureInfo.InvariantCulture), TestSwitch.Tag(7), TestSwitch.Tag(8)),
        _ => throw new FormatException(rewrite),
    };

    private Interface Member(string vlans) => Member(0, vlans);

    /// <summary>The port's own interface for untagged frames, else a sub-interface for these tags.</summary>
    private Interface Member(int port, string vlans)
    {
        VlanMatch? match = Tags(vlans) switch
        {
            [] => null,
            [var one] => VlanMatch.OneTag(EtherType.Vlan, one.Id, exact: false),
            [var outer, var inner, ..] => VlanMatch.TwoTags(EtherType.Vlan, outer.Id, inner.Id, exact: true),
        };
        if (match is null)
        {
            return _test.Interfaces[port];
        }

        Interface sub = _test.Router.Interfaces.AddSub(_test.Interfaces[port], _test.Router.Interfaces.All.Count, match);
        _test.Router.Interfaces.SetAdminUp(sub, up: true);
        return sub;
    }
}
