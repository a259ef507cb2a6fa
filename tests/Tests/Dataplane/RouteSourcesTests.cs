using Verbena.Dataplane;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>Several may have a route to one prefix: an interface's address, a person, a neighbor. The best one counts, and none destroys another's.</summary>
public sealed class RouteSourcesTests : IDisposable
{
    private static readonly Ip4Address s_leftHost = Ip4Address.Parse(TestRouter.LeftHost);
    private static readonly Ip4Prefix s_rightNetwork = TestRouter.Prefix("10.0.1.0/24");

    private readonly TestRouter _test = new();

    private Router Router => _test.Router;

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_connected_network_hides_a_static_route_to_the_same_prefix_whichever_came_first(bool staticFirst)
    {
        if (staticFirst)
        {
            Router.Ip4.RemoveAddress(_test.Right, TestRouter.Prefix("10.0.1.1/24"));
            Router.Ip4.AddRoute(s_rightNetwork, s_leftHost);
            Assert.Equal("Incomplete left", RouteTo(s_rightNetwork));
            Router.Ip4.AddAddress(_test.Right, TestRouter.Prefix("10.0.1.1/24"));
        }
        else
        {
            Router.Ip4.AddRoute(s_rightNetwork, s_leftHost);
        }

        Assert.Equal("Glean right", RouteTo(s_rightNetwork));
        Router.Ip4.RemoveRoute(s_rightNetwork);
        Assert.Equal("Glean right", RouteTo(s_rightNetwork));
    }

    [Fact]
    public void A_hidden_static_route_takes_over_when_the_connected_network_goes()
    {
        Router.Ip4.AddRoute(s_rightNetwork, s_leftHost);
        Router.Interfaces.SetAdminUp(_test.Left, up: false); // and with it the next hop
        Assert.Equal("Glean right", RouteTo(s_rightNetwork));
        Router.Interfaces.SetAdminUp(_test.Left, up: true);
        Assert.Equal("Glean right", RouteTo(s_rightNetwork));
        Router.Interfaces.SetAdminUp(_test.Right, up: false);
        Assert.Equal("Incomplete left", RouteTo(s_rightNetwork));
        Router.Interfaces.SetAdminUp(_test.Right, up: true);
        Router.Ip4.RemoveAddress(_test.Right, TestRouter.Prefix("10.0.1.1/24"));
        Assert.Equal("Incomplete left", RouteTo(s_rightNetwork));
    }

    [Fact]
    public void A_neighbor_is_reached_after_a_static_route_to_it_was_removed()
    {
        Ip4Prefix host = TestRouter.Prefix(TestRouter.RightHost + "/32");
        Router.Ip4.AddRoute(host, Ip4Address.Parse(TestRouter.RightHost));
        Router.Ip4.AddNeighbor(_test.Right, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));
        Router.Ip4.RemoveRoute(host);
        Assert.Equal("Rewrite right", RouteTo(host));
        _test.Receive(_test.LeftPort, Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        Expect.Ip4(Assert.Single(_test.RightPort.Sent)).MacTo(TestRouter.RightHostMac);
    }

    [Fact]
    public void A_static_route_is_better_than_a_neighbor_s()
    {
        Ip4Prefix host = TestRouter.Prefix(TestRouter.RightHost + "/32");
        _test.WithNeighbors().Router.Ip4.AddRoute(host, s_leftHost);
        Assert.Equal("Rewrite left", RouteTo(host));
        Router.Ip4.RemoveNeighbor(_test.Right, Ip4Address.Parse(TestRouter.RightHost));
        Assert.Equal("Rewrite left", RouteTo(host));
        Router.Ip4.RemoveRoute(host);
        Assert.Equal("", RouteTo(host));
    }

    [Fact]
    public void Hosts_of_a_connected_network_resolve_addresses_though_a_longer_route_leads_elsewhere()
    {
        Router.Ip4.AddRoute(TestRouter.Prefix("10.0.0.128/25"), s_leftHost);
        _test.Receive(_test.LeftPort, Frame.Arp(ArpHeader.Request, "02:00:00:00:00:82", "10.0.0.130", TestRouter.LeftAddress));
        Expect.Arp(Assert.Single(_test.LeftPort.Sent), ArpHeader.Reply).MacTo("02:00:00:00:00:82").Target("10.0.0.130");
        Assert.Equal("10.0.0.130", Assert.Single(Router.Ip4.Neighbors).Address.ToString());
        Assert.Equal("Rewrite left", RouteTo(TestRouter.Prefix("10.0.0.130/32")));
    }

    [Fact]
    public void Routes_that_come_and_go_need_no_more_memory()
    {
        _test.WithNeighbors();
        for (int i = 0; i < 50; i++)
        {
            Ip4Prefix prefix = TestRouter.Prefix($"{20 + i}.1.2.128/25");
            Router.Ip4.AddRoute(prefix, s_leftHost);
            Router.Ip4.RemoveRoute(prefix);
        }

        int plies = _test.Router.Workers[0].Graph.Dispatcher.Tables.Fib.PlyCount;
        Assert.InRange(plies, 1, 10);
    }

    /// <summary>What kind of adjacency the table has for a prefix and where it leads, or nothing.</summary>
    private string RouteTo(Ip4Prefix prefix) => string.Concat(
        Router.Ip4.FibEntries.Where(entry => entry.Prefix == prefix).Select(entry => $"{entry.Adjacency.Kind} {entry.Adjacency.Interface}"));
}
