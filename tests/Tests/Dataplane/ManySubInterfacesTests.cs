using Verbena.Dataplane;
using Verbena.Dataplane.L2;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>Sub-interfaces come and go by the thousand while other interfaces forward: the workers are stopped once, not for each.</summary>
public sealed class ManySubInterfacesTests : IDisposable
{
    private readonly BufferPool _buffers = new(64);
    private readonly ForwardingTables _tables = new(workers: 1);
    private readonly WorkerSet _workers;
    private readonly Ip4Routing _ip4;
    private readonly Bridging _bridging;
    private readonly InterfaceSet _interfaces;
    private readonly TestPort _port;
    private readonly Interface? _made;
    private readonly List<int> _foundWhenParked = []; // for each time the workers were stopped: how many sub-interfaces they find
    private int _depth;

    private Interface Parent => _made!;

    public ManySubInterfacesTests()
    {
        _workers = new WorkerSet(1, _buffers, _tables);
        _ip4 = new Ip4Routing(_tables, _workers.Requests, Park);
        _bridging = new Bridging(_tables, Park, (_, _) => { }, _ip4.FollowMode);
        _interfaces = new InterfaceSet(_tables, _workers.All, new RxPlacement(_workers.All, Park), new MacAddressPolicy(), _ip4, _bridging, Park);
        _port = new TestPort(_buffers, "port", "02:00:00:00:00:01");
        _made = _interfaces.Add(_port);
        _foundWhenParked.Clear();
    }

    public void Dispose()
    {
        _port.Dispose();
        _buffers.Dispose();
    }

    [Fact]
    public void A_range_is_made_with_the_workers_stopped_once()
    {
        _ = _interfaces.AddSub(Parent, 7, VlanMatch.OneTag(EtherType.Vlan, 7, exact: true));
        _foundWhenParked.Clear();
        IReadOnlyList<Interface> added = _interfaces.AddSubs(Parent, 1, VlanTag.MaxId);
        Assert.Equal([1], _foundWhenParked);
        Assert.Equal(VlanTag.MaxId - 1, added.Count);
        Assert.Equal(VlanTag.MaxId, Parent.SubInterfaces.Count);
        Assert.Equal(_interfaces.All, Enumerable.Range(0, VlanTag.MaxId + 2).Select(index => _tables.InterfaceAt((uint)index)));
    }

    [Fact]
    public void Nothing_is_made_of_a_range_in_which_one_VLAN_is_another_s()
    {
        _ = _interfaces.AddSub(Parent, 9999, VlanMatch.OneTag(EtherType.Vlan, 20, exact: false));
        _foundWhenParked.Clear();
        Assert.Equal("port.9999 has these frames already", Assert.Throws<RouterException>(() => _interfaces.AddSubs(Parent, 10, 30)).Message);
        Assert.Empty(_foundWhenParked);
        Assert.Equal(3, _interfaces.All.Count);
    }

    [Fact]
    public void A_port_is_removed_with_its_sub_interfaces_while_the_workers_are_stopped_once()
    {
        IReadOnlyList<Interface> subs = _interfaces.AddSubs(Parent, 1, 100);
        BridgeDomain domain = _bridging.Create(10);
        _bridging.Join(subs[3], domain);
        _bridging.Join(subs[4], domain);
        _bridging.AddAddress(domain, MacAddress.Parse("02:00:00:00:00:07"), subs[4], isStatic: true);
        _interfaces.SetAdminUp(Parent, up: true);
        _interfaces.SetAdminUp(subs[5], up: true);
        _ip4.AddAddress(subs[5], TestRouter.Prefix("10.0.0.1/24"));
        _ip4.AddNeighbor(subs[5], Ip4Address.Parse("10.0.0.2"), MacAddress.Parse("02:00:00:00:00:08"));
        _foundWhenParked.Clear();

        _interfaces.Remove(Parent);
        Assert.Equal([100], _foundWhenParked); // their frames are theirs until the workers stop
        Assert.Empty(Parent.SubInterfaces);
        Assert.Equal("local0", Assert.Single(_interfaces.All).Name);
        Assert.Empty(domain.Interfaces);
        Assert.Equal(0, _bridging.AddressCount);
        Assert.Empty(_ip4.Neighbors);
        Assert.DoesNotContain(_ip4.FibEntries, entry => entry.Adjacency.Interface is not null);
        Assert.Equal(1, _interfaces.Add(_port).Index);
    }

    private Parking Park()
    {
        if (_depth++ == 0)
        {
            _foundWhenParked.Add(_made?.SubInterfaces.Count ?? 0);
        }

        return new Parking(this, _workers.Park());
    }

    private sealed class Parking(ManySubInterfacesTests test, IDisposable parked) : IDisposable
    {
        public void Dispose()
        {
            parked.Dispose();
            test._depth--;
        }
    }
}
