using Verbena.Dataplane;
using Verbena.Dataplane.L2;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class L2ModeTests : IDisposable
{
    private readonly TestSwitch _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void A_port_is_promiscuous_while_its_interface_or_a_sub_interface_is_in_L2_mode()
    {
        Interface sub = _test.Router.Interfaces.AddSub(_test.Interfaces[0], 1, VlanMatch.OneTag(EtherType.Vlan, 1, exact: true));
        BridgeDomain domain = _test.Bridge(members: 1);
        Assert.True(_test.Ports[0].IsPromiscuous);
        _test.Bridging.Join(sub, domain);
        _test.Bridging.Leave(_test.Interfaces[0]);
        Assert.True(_test.Ports[0].IsPromiscuous);
        _test.Bridging.Leave(sub);
        Assert.False(_test.Ports[0].IsPromiscuous);
    }

    [Fact]
    public void Leaving_L2_mode_does_not_undo_what_a_person_has_asked_for_and_nor_the_other_way_round()
    {
        _test.Router.Reception.SetPromiscuous(_test.Interfaces[0], on: true);
        _test.Bridge(members: 1);
        _test.Bridging.Leave(_test.Interfaces[0]);
        Assert.True(_test.Ports[0].IsPromiscuous);

        _test.Bridging.Join(_test.Interfaces[0], _test.Bridging.Domains[0]);
        _test.Router.Reception.SetPromiscuous(_test.Interfaces[0], on: false);
        Assert.True(_test.Ports[0].IsPromiscuous);
        _test.Bridging.Leave(_test.Interfaces[0]);
        Assert.False(_test.Ports[0].IsPromiscuous);
    }

    [Fact]
    public void An_interface_whose_port_refuses_to_be_promiscuous_stays_in_L3_mode()
    {
        _test.Ports[0].PromiscuousRefusal = "no trust";
        BridgeDomain domain = _test.Bridging.Create(10);
        Assert.Equal("no trust", Assert.Throws<InvalidOperationException>(() => _test.Bridging.Join(_test.Interfaces[0], domain)).Message);
        Assert.Throws<InvalidOperationException>(() => _test.Bridging.CrossConnect(_test.Interfaces[0], _test.Interfaces[1]));
        Assert.Empty(domain.Interfaces);
        Assert.Null(_test.Interfaces[0].L2);
        Assert.False(_test.Ports[0].IsPromiscuous);
    }

    [Fact]
    public void An_interface_in_L2_mode_has_no_neighbors()
    {
        Interface member = _test.Interfaces[0];
        _test.Router.Ip4.AddAddress(member, TestRouter.Prefix("10.0.0.1/24"));
        _test.Bridge(members: 1);
        Assert.Equal($"{member} is in L2 mode: it has no neighbors", Assert.Throws<RouterException>(() =>
            _test.Router.Ip4.AddNeighbor(member, Ip4Address.Parse("10.0.0.2"), MacAddress.Parse("02:00:00:00:00:02"))).Message);
    }

    [Fact]
    public void A_port_is_promiscuous_no_more_when_its_last_sub_interface_in_L2_mode_is_removed()
    {
        Interface[] subs = AddBridgedSubInterfaces(2);
        _test.Router.Interfaces.Remove(subs[0]);
        Assert.True(_test.Ports[0].IsPromiscuous);
        _test.Router.Interfaces.Remove(subs[1]);
        Assert.False(_test.Ports[0].IsPromiscuous);
    }

    [Fact]
    public void A_port_that_refuses_does_not_keep_a_sub_interface_from_being_removed()
    {
        Interface[] subs = AddBridgedSubInterfaces(2);
        _test.Ports[0].PromiscuousRefusal = "no trust";
        _test.Router.Interfaces.Remove(subs[0]);
        Assert.Equal([subs[1]], _test.Interfaces[0].SubInterfaces);
        Assert.DoesNotContain(subs[0], _test.Router.Interfaces.All);
    }

    [Fact]
    public void Routes_go_and_come_while_no_worker_runs()
    {
        int parked = 0;
        List<int> whenRoutesFollow = [];
        Bridging bridging = new(
            new ForwardingTables(workers: 1),
            () =>
            {
                parked++;
                return new Parking(() => parked--);
            },
            (_, _) => { },
            _ => whenRoutesFollow.Add(parked));
        bridging.Join(_test.Interfaces[0], bridging.Create(10));
        bridging.Leave(_test.Interfaces[0]);
        Assert.Equal([1, 1], whenRoutesFollow);
        Assert.Equal(0, parked);
    }

    private Interface[] AddBridgedSubInterfaces(int count)
    {
        BridgeDomain domain = _test.Bridging.Create(10);
        Interface[] subs = [.. Enumerable.Range(1, count).Select(id =>
            _test.Router.Interfaces.AddSub(_test.Interfaces[0], id, VlanMatch.OneTag(EtherType.Vlan, id, exact: true)))];
        Array.ForEach(subs, sub => _test.Bridging.Join(sub, domain));
        return subs;
    }

    private sealed class Parking(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
