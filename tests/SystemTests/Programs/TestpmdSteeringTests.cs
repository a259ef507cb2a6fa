using System.Globalization;
using System.Text.RegularExpressions;
using Verbena.Tests.Emulator.Nic;
using static Verbena.SystemTests.Programs.TestpmdFrames;

namespace Verbena.SystemTests.Programs;

/// <summary>Which frames DPDK's mlx5 driver gets on emulated ports, and in which queue.</summary>
public sealed class TestpmdSteeringTests : TestpmdLab
{
    private const string Key = "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa";

    /// <summary>Microsoft, "Verifying the RSS Hash Calculation", as is <see cref="Key"/>.</summary>
    private static readonly (string Source, ushort SourcePort, string Destination, ushort DestinationPort, uint Hash)[] s_vectors =
    [
        ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x51ccc178),
        ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xc626b0ea),
        ("24.19.198.95", 12898, "12.22.207.184", 38024, 0x5c2b394a),
        ("38.27.205.30", 48228, "209.142.163.6", 2217, 0xafc7327f),
        ("153.39.163.191", 44251, "202.188.127.2", 1303, 0x10e828a2),
        ("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207d3d),
        ("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xdde51bbf),
        ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x02d1feef),
    ];

    [Theory]
    [InlineData("")]
    [InlineData("dv_flow_en=0")]
    public void Four_queues_get_what_the_published_hash_says(string driver)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=rxonly", "--rxq=4", "--txq=4"]);
        using FarEnd far = Plug("far0");
        testpmd.Command($"port config 0 rss-hash-key ipv4-udp {Key}", "set verbose 1", "start");
        for (int turn = 0; turn < 2; turn++)
        {
            bool isTcp = turn == 1;
            testpmd.Command($"port config all rss {(isTcp ? "tcp" : "udp")}", $"set promisc 0 {(isTcp ? "on" : "off")}"); // both are for flows to come
            Array.ForEach(s_vectors, vector => far.Send(From(vector.Source, vector.SourcePort, vector.Destination, vector.DestinationPort, isTcp)));
            int expected = (turn + 1) * s_vectors.Length;
            Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] == expected);
        }

        var seen = Regex.Matches(testpmd.Output, "RSS hash=0x(?<hash>[0-9a-f]+) - RSS queue=0x(?<queue>[0-9a-f]+)", RegexOptions.ExplicitCapture)
            .Select(match => (Hash: Hex(match, "hash"), Queue: Hex(match, "queue")));
        Assert.Equal(s_vectors.Concat(s_vectors).Select(vector => (vector.Hash, vector.Hash & 3)).Order(), seen.Order());
        testpmd.Quit();
    }

    /// <remarks>All that testpmd knows includes IPsec's SPI. With its flows by verbs the driver needs to compare it, too, which the NIC does not offer.</remarks>
    [Fact]
    public void All_kinds_of_RSS_can_be_asked_for()
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], "", ["--forward-mode=rxonly", "--rxq=4", "--txq=4"]);
        using FarEnd far = Plug("far0");
        testpmd.Command("port stop 0", "port config all rss all", "port start 0", "set promisc 0 on", "set verbose 1", "start");
        Assert.DoesNotContain("Fail to start port", testpmd.Output, StringComparison.Ordinal);
        Array.ForEach(s_vectors, vector => far.Send(From(vector.Source, vector.SourcePort, vector.Destination, vector.DestinationPort, isTcp: false)));
        Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] == s_vectors.Length);
        Assert.Equal(s_vectors.Length, Regex.Count(testpmd.Output, "RSS hash=0x[1-9a-f]"));
        testpmd.Quit();
    }

    [Theory]
    [InlineData("dv_flow_en=0")]
    [InlineData("dv_flow_en=1")]
    public void Rules_mark_direct_and_drop(string driver)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=rxonly", "--rxq=2", "--txq=2"]);
        using FarEnd far = Plug("far0");
        const string Udp = "flow create 0 ingress pattern eth / ipv4 / udp dst is";
        Assert.Contains("Flow rule #0 created", testpmd.Command($"{Udp} 2001 / end actions mark id 5 / queue index 1 / end"), StringComparison.Ordinal);
        Assert.Contains("Flow rule #1 created", testpmd.Command($"{Udp} 2002 / end actions drop / end"), StringComparison.Ordinal);
        Assert.Contains("Flow rule #2 created", testpmd.Command("flow create 0 ingress pattern eth dst is 02:00:00:00:00:01 / ipv6 / end actions queue index 0 / mark id 9 / end"), StringComparison.Ordinal);
        testpmd.Command("set verbose 1", "start");
        byte[][] frames = [UdpTo(2002), UdpTo(2001), UdpTo(2002), ToPort(Packet.Ethernet(0x86DD, Packet.Ip6(Packet.TcpProtocol, Packet.Tcp(new byte[40])))), UdpTo(2003)];
        foreach (byte[] frame in frames)
        {
            far.Send(frame);
        }

        Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] >= 3);

        Assert.Equal(3, testpmd.Statistics()["RX-packets"]);
        string seen = testpmd.Output;
        Assert.Matches("FDIR matched ID=0x5.*Receive queue=0x1", seen);
        Assert.Matches("FDIR matched ID=0x9.*Receive queue=0x0", seen);
        Assert.Equal(2, Regex.Count(seen, "FDIR matched"));
        testpmd.Command("flow flush 0");
        far.Send(UdpTo(2002));
        Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] == 4);
        testpmd.Quit();
    }

    [Theory]
    [InlineData("")]
    [InlineData("dv_flow_en=0")]
    public void Flows_look_at_VLAN_tags_and_into_tunnels(string driver)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=rxonly"]);
        using FarEnd far = Plug("far0");
        Assert.Contains("Flow rule #0 created", testpmd.Command("flow create 0 ingress pattern eth / vlan vid is 5 / end actions mark id 5 / queue index 0 / end"), StringComparison.Ordinal);
        Assert.Contains("Flow rule #1 created", testpmd.Command("flow create 0 ingress pattern eth / ipv4 / udp / vxlan vni is 42 / eth / ipv6 / end actions mark id 7 / queue index 0 / end"), StringComparison.Ordinal);
        testpmd.Command("set verbose 1", "start");
        byte[][] inner = [Packet.Ethernet(0x86DD, Packet.Ip6(Packet.TcpProtocol, Packet.Tcp(new byte[40]))), UdpTo(2000)];
        byte[][] frames = [Tagged(UdpTo(2000), 5), Tagged(UdpTo(2000), 6), .. inner.Select(frame => ToPort(Packet.Ethernet(0x0800, Packet.Ip4(Packet.UdpProtocol, Packet.Vxlan(frame)))))];
        foreach (byte[] frame in frames)
        {
            far.Send(frame);
        }

        Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] == frames.Length);
        Assert.Equal(["0x5", "0x7"], Regex.Matches(testpmd.Output, "FDIR matched ID=(?<id>0x[0-9a-f]+)", RegexOptions.ExplicitCapture).Select(match => match.Groups["id"].Value), StringComparer.Ordinal);
        testpmd.Quit();
    }

    [Fact]
    public void A_port_that_is_not_promiscuous_gets_what_is_for_its_addresses()
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], "", ["--forward-mode=macswap"]);
        using FarEnd far = Plug("far0");
        testpmd.Command("set promisc 0 off", "mac_addr add 0 02:00:00:00:00:77", "start");
        byte[][] others = [For("020000000033"), For("01005e000001")];
        byte[][] own = [For("020000000001"), For("020000000077"), For("ffffffffffff")];
        foreach (byte[] frame in others)
        {
            far.Send(frame);
        }

        Assert.Equal(own.Select(Swapped), far.Exchange(own));
        testpmd.Command("set allmulti 0 on");
        Assert.Equal([Swapped(others[1])], far.Exchange([others[1]]));
        testpmd.Command("set promisc 0 on");
        Assert.Equal([Swapped(others[0])], far.Exchange([others[0]]));
        Assert.Equal(5, testpmd.Statistics()["RX-packets"]);
        testpmd.Quit();
    }

    private static uint Hex(Match match, string group) => uint.Parse(match.Groups[group].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
