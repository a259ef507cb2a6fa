using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class BviTests : IDisposable
{
    private const string Mac = "b0:b0:00:00:00:00";

    private readonly TestSwitch _test = new();
    private readonly BridgeDomain _domain;
    private readonly Interface _bvi;

    public BviTests()
    {
        _domain = _test.Bridge(members: 2);
        _bvi = _test.Router.Interfaces.AddVirtual("bvi0", MacAddress.Parse(Mac));
        _test.Bridging.Join(_bvi, _domain, BridgeRole.Bvi);
        _test.Router.Interfaces.SetAdminUp(_bvi, up: true);
        _test.Router.Ip4.AddAddress(_bvi, TestRouter.Prefix("10.0.0.1/24"));
        _test.Run();
    }

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Its_address_is_announced_to_all_members() // RFC 5227, 2.3
    {
        Assert.Equal("0 1", _test.SentBy());
        Assert.All(_test.Ports[..2], port => Expect.Arp(port.Sent[0], ArpHeader.Request).Sender(Mac, "10.0.0.1").Target("10.0.0.1"));
    }

    [Fact]
    public void Hosts_of_the_domain_ask_for_its_address_and_ping_it()
    {
        for (int host = 0; host < 2; host++)
        {
            string address = "10.0.0." + (2 + host);
            _test.LearnAll();
            _test.Receive(host, Frame.Arp(ArpHeader.Request, TestSwitch.Host(host).ToString(), address, "10.0.0.1"));
            Expect.Arp(Assert.Single(_test.Ports[host].Sent), ArpHeader.Reply).MacTo(TestSwitch.Host(host).ToString()).Sender(Mac, "10.0.0.1");
            Assert.Single(_test.Ports[1 - host].Sent); // the request, flooded

            _test.Receive(host, From(host, Frame.EchoRequest(address, "10.0.0.1")));
            Expect.Ip4(Assert.Single(_test.Ports[host].Sent)).MacFrom(Mac).To(address).Icmp(IcmpHeader.EchoReply, 0);
            Assert.Empty(_test.Ports[1 - host].Sent);
        }

        Assert.Equal(8ul, _bvi.Counters.RxPackets);
    }

    [Fact]
    public void It_routes_between_the_domain_and_other_interfaces()
    {
        _test.Router.Ip4.AddAddress(_test.Interfaces[3], TestRouter.Prefix("10.0.3.1/24"));
        _test.Router.Ip4.AddNeighbor(_test.Interfaces[3], Ip4Address.Parse("10.0.3.2"), TestSwitch.Host(3));
        _test.Router.Ip4.AddNeighbor(_bvi, Ip4Address.Parse("10.0.0.2"), TestSwitch.Host(0));
        _test.Run();
        _test.Receive(0, From(0, Frame.Ip4("10.0.0.2", "10.0.3.2")));
        Expect.Ip4(Assert.Single(_test.Ports[3].Sent)).MacTo(TestSwitch.Host(3).ToString()).Ttl(63);

        byte[] back = Frame.Ip4("10.0.3.2", "10.0.0.2", macDestination: _test.Ports[3].MacAddress.ToString());
        _test.Receive(3, back);
        Expect.Ip4(Assert.Single(_test.Ports[0].Sent)).MacFrom(Mac).MacTo(TestSwitch.Host(0).ToString()).Ttl(63);
        Assert.Equal("0", _test.SentBy());
    }

    [Fact]
    public void It_does_not_route_unicast_to_others_that_was_flooded()
    {
        _test.Receive(0, Frame.Ip4("10.0.0.2", "10.0.0.1", macDestination: "02:00:00:00:00:99"));
        Assert.Equal("1", _test.SentBy());
        Assert.Equal(1ul, _test.Count("ethernet-input", Reason.MacMismatch));
    }

    [Fact]
    public void A_member_that_sends_with_its_address_is_not_believed()
    {
        _test.Receive(0, TestSwitch.Frame(MacAddress.Broadcast, MacAddress.Parse(Mac)));
        _test.ExpectDropped("l2-learn", Reason.L2MacMoveViolation);
    }

    [Fact]
    public void It_is_pinged_by_the_router_itself_through_the_domain()
    {
        _test.Router.Ip4.AddNeighbor(_bvi, Ip4Address.Parse("10.0.0.3"), TestSwitch.Host(1));
        _test.Send(1, 0);
        _test.Router.StartPing(new(Ip4Address.Parse("10.0.0.3")));
        _test.Ports[1].Sent.Clear();
        _test.Run();
        Expect.Ip4(Assert.Single(_test.Ports[1].Sent)).MacFrom(Mac).Icmp(IcmpHeader.EchoRequest, 0);
    }

    [Fact]
    public void While_it_is_down_it_receives_and_sends_nothing()
    {
        _test.Router.Interfaces.SetAdminUp(_bvi, up: false);
        _test.Receive(0, From(0, Frame.EchoRequest("10.0.0.2", "10.0.0.1")));
        _test.ExpectDropped("l2-output", Reason.InterfaceDown);
    }

    [Fact]
    public void Another_Ethernet_address_takes_the_place_of_the_old_one()
    {
        _test.Router.Interfaces.SetMacAddress(_bvi, MacAddress.Parse("b0:b0:00:00:00:01"));
        L2FibEntry entry = Assert.Single(_test.Bridging.ReadAddresses(_test.Now));
        Assert.Equal(("b0:b0:00:00:00:01", true), (entry.Address.ToString(), entry.IsBvi));
    }

    [Fact]
    public void An_interface_that_becomes_one_while_it_is_down_keeps_the_neighbors_that_were_set()
    {
        Interface other = _test.Router.Interfaces.AddVirtual("bvi1", MacAddress.Parse("b0:b0:00:00:00:01"));
        _test.Router.Ip4.AddAddress(other, TestRouter.Prefix("10.0.1.1/24"));
        _test.Router.Ip4.AddNeighbor(other, Ip4Address.Parse("10.0.1.2"), TestSwitch.Host(0));
        _test.Bridging.Join(other, _test.Bridging.Create(77), BridgeRole.Bvi);
        Assert.Single(_test.Router.Ip4.Neighbors);
    }

    [Fact]
    public void A_domain_has_one_and_no_port_can_be_it()
    {
        Interface other = _test.Router.Interfaces.AddVirtual("bvi1", MacAddress.Parse("b0:b0:00:00:00:01"));
        Assert.Contains("already has a bvi", Assert.Throws<RouterException>(() => _test.Bridging.Join(other, _domain, BridgeRole.Bvi)).Message, StringComparison.Ordinal);
        Assert.Throws<RouterException>(() => _test.Bridging.Join(other, _domain));
        Assert.Throws<RouterException>(() => _test.Bridging.CrossConnect(other, _test.Interfaces[0]));
        Assert.Throws<RouterException>(() => _test.Bridging.Join(_test.Interfaces[2], _domain, BridgeRole.Bvi));
        Assert.Throws<RouterException>(() => _test.Bridging.Join(_test.Router.Interfaces.All[0], _domain));
    }

    [Fact]
    public void Outside_of_a_domain_what_it_would_send_is_dropped()
    {
        _test.Bridging.Leave(_bvi);
        _test.Run();
        Assert.Equal(1ul, _test.Count("bvi0-tx", Reason.InterfaceNotBridged)); // its announcement
        Assert.Equal(0, _test.Bridging.AddressCount);
    }

    private static byte[] From(int host, byte[] frame)
    {
        Frame.EthernetOf(frame).Source = TestSwitch.Host(host);
        Frame.EthernetOf(frame).Destination = MacAddress.Parse(Mac);
        return frame;
    }
}
