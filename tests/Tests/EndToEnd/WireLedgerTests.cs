using CsCheck;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Driver;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Dataplane;
using Verbena.Tests.Driver;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.EndToEnd;

/// <summary>
/// A ledger over the whole way: wire, NIC, libmlx5, driver, graph and back. Each frame put on the wire is booked by its identity
/// under exactly one outcome, and the outcome is the one that such a frame deserves.
/// </summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class WireLedgerTests : IDisposable
{
    private const string Router1 = "10.0.0.1";
    private const string Peer = "10.0.0.2";
    private const string BeyondPeer = "198.51.100.7";
    private static readonly MacAddress s_stranger = MacAddress.Parse("02:00:00:00:00:99");

    private static readonly Dictionary<string, string> s_deserved = new(StringComparer.Ordinal)
    {
        ["echo request to the router"] = "answered: echo reply",
        ["echo request to the router, bad ICMP checksum"] = "ended: bad icmp checksum",
        ["ARP request for the router"] = "answered: ARP reply",
        ["ARP request for another"] = "ended: ARP request IP4 source address learned", // the peer is a neighbor already
        ["packet to a network behind the peer"] = "forwarded",
        ["packet to a network behind the peer, TTL 1"] = "answered: time exceeded",
        ["packet to a network that no route leads to"] = "answered: unreachable",
        ["datagram to the router, where nobody listens"] = "answered: unreachable",
        ["packet with a bad header checksum"] = "ended: bad ip4 checksum",
        ["packet longer than its frame"] = "ended: ip4 length > l2 length",
        ["packet of IP version 5"] = "ended: ip4 version != 4",
        ["frame of an unknown type"] = "ended: unknown ethernet type",
        ["frame to another address"] = "left to Linux",
    };

    private readonly CabledPorts _cable = new();
    private readonly RdmaPort _port;
    private readonly RdmaPort _peer;
    private readonly Router _router;
    private readonly Interface _interface;
    private long _now = 1_000_000_000;

    public WireLedgerTests()
    {
        _port = _cable.Open(_cable.NearName);
        _peer = _cable.Open(_cable.FarName);
        _router = new Router(_cable.Pool);
        _interface = _router.Interfaces.Add(_port);
        _router.Ip4.AddAddress(_interface, TestRouter.Prefix(Router1 + "/24"));
        _router.Interfaces.SetAdminUp(_interface, true);
        _router.Ip4.AddNeighbor(_interface, Ip4Address.Parse(Peer), _peer.MacAddress);
        _router.Ip4.AddRoute(TestRouter.Prefix("198.51.100.0/24"), Ip4Address.Parse(Peer));
        Run();
        _cable.Receive(_peer);
    }

    public void Dispose()
    {
        _router.Interfaces.Remove(_interface);
        _router.Dispose();
        _cable.Dispose(); // nothing leaked, nothing the NIC complains of
    }

    [Fact]
    public void Each_frame_on_the_wire_has_exactly_the_outcome_that_it_deserves()
    {
        string[] kinds = [.. s_deserved.Keys];
        int identity = 0;
        Gen.Int[0, kinds.Length - 1].Array[1, 60].Sample(mixture =>
        {
            foreach (string kind in mixture.Select(at => kinds[at]))
            {
                Assert.Equal($"{kind} -> {s_deserved[kind]}", $"{kind} -> {OutcomeOf(Build(kind, ++identity), identity)}");
            }
        }, iter: 30, threads: 1);
    }

    [Fact]
    public void A_burst_is_booked_whole_when_the_wire_is_at_rest()
    {
        string[] kinds = [.. s_deserved.Keys];
        for (int round = 0; round < 40; round++)
        {
            byte[][] burst = [.. Enumerable.Range(1, 200).Select(i => Build(kinds[i % kinds.Length], i))];
            _cable.Send(_peer, burst);
            _now += 1_000_000;
            Run();
            _cable.Receive(_peer);
        }

        foreach (NicDevice nic in _cable.Nics.Devices.Values)
        {
            AssertBalanced(nic.Counters);
        }

        ulong received = _port.RxQueues.Aggregate(0UL, (sum, queue) => sum + queue.Counters.Packets);
        Assert.Equal(_cable.Nics.Devices[_cable.NearName].Counters[PortCounter.QueueReceived], received);
    }

    /// <summary>Puts one frame on the wire, waits until everything rests, and says what has become of it.</summary>
    private string OutcomeOf(byte[] frame, int identity)
    {
        PortCounters nic = _cable.Nics.Devices[_cable.NearName].Counters;
        ulong queued = nic[PortCounter.QueueReceived];
        ulong toLinux = nic[PortCounter.NetdevReceived] + nic[PortCounter.NoMatchNetdevDown];
        Dictionary<Reason, ulong> before = Reasons();
        _now += 100_000_000; // the limit of ICMP errors a second is not what is tested
        _cable.Send(_peer, frame);
        Run();

        AssertBalanced(nic);
        List<string> outcomes = [.. _cable.Receive(_peer).Select(answer => Name(answer, identity))];
        if (outcomes.Count == 0) // an answer ends the packet too, under a reason that only says so
        {
            outcomes.AddRange(Reasons().Where(drop => drop.Value > before.GetValueOrDefault(drop.Key)).Select(drop => "ended: " + drop.Key.Text()));
        }

        if (nic[PortCounter.QueueReceived] == queued && nic[PortCounter.NetdevReceived] + nic[PortCounter.NoMatchNetdevDown] == toLinux + 1)
        {
            outcomes.Add("left to Linux");
        }

        return string.Join(" and ", outcomes);
    }

    private byte[] Build(string kind, int identity)
    {
        byte[] echo = Frame.Icmp(IcmpHeader.EchoRequest, identifier: (ushort)(identity >> 16), sequence: (ushort)identity);
        byte[] frame = kind switch
        {
            "echo request to the router" => Frame.Ip4(Peer, Router1, 64, IpProtocol.Icmp, echo),
            "echo request to the router, bad ICMP checksum" => Frame.Ip4(Peer, Router1, 64, IpProtocol.Icmp, [.. echo[..^1], (byte)(echo[^1] + 1)]),
            "ARP request for the router" => Frame.Arp(ArpHeader.Request, _peer.MacAddress.ToString(), Peer, Router1),
            "ARP request for another" => Frame.Arp(ArpHeader.Request, _peer.MacAddress.ToString(), Peer, "10.0.0.77"),
            "packet to a network behind the peer" => Frame.Ip4("10.0.0.3", BeyondPeer),
            "packet to a network behind the peer, TTL 1" => Frame.Ip4(Peer, BeyondPeer, ttl: 1),
            "packet to a network that no route leads to" => Frame.Ip4(Peer, "203.0.113.1"),
            "datagram to the router, where nobody listens" => Frame.Ip4(Peer, Router1),
            _ => Frame.Ip4(Peer, Router1),
        };
        Frame.EthernetOf(frame).Source = _peer.MacAddress;
        if (Frame.EthernetOf(frame).Destination != MacAddress.Broadcast)
        {
            Frame.EthernetOf(frame).Destination = kind == "frame to another address" ? s_stranger : _port.MacAddress;
        }

        if (Frame.EthernetOf(frame).Type == EtherType.Ip4)
        {
            Spoil(kind, frame, identity);
        }

        return frame;
    }

    private static void Spoil(string kind, byte[] frame, int identity)
    {
        ref Ip4Header ip = ref Frame.Ip4HeaderOf(frame);
        ip.Identification = (ushort)identity;
        switch (kind)
        {
            case "packet longer than its frame":
                ip.TotalLength = (ushort)(ip.TotalLength + 100);
                break;
            case "packet of IP version 5":
                ip.VersionAndHeaderLength = 0x55;
                break;
            case "frame of an unknown type":
                Frame.EthernetOf(frame).Type = 0x88B5;
                break;
        }

        Frame.SumIp4(frame);
        if (kind == "packet with a bad header checksum")
        {
            ip.Checksum = (ushort)~ip.Checksum.Value;
        }
    }

    /// <summary>What a frame that came back is, provided that it carries the identity of the one sent.</summary>
    private static string Name(byte[] frame, int identity)
    {
        if (Frame.EthernetOf(frame).Type == EtherType.Arp)
        {
            return Frame.ArpOf(frame).Operation == ArpHeader.Reply ? "answered: ARP reply" : "an ARP request nobody asked for";
        }

        Ip4Header ip = Frame.Ip4HeaderOf(frame);
        if (ip.Protocol != IpProtocol.Icmp)
        {
            return ip.Identification == (ushort)identity && ip.TimeToLive == 63 ? "forwarded" : "forwarded under a wrong identity";
        }

        IcmpHeader icmp = System.Runtime.InteropServices.MemoryMarshal.Read<IcmpHeader>(frame.AsSpan(Frame.PayloadOffset));
        ushort quoted = System.Runtime.InteropServices.MemoryMarshal.Read<Be16>(frame.AsSpan(Frame.PayloadOffset + IcmpHeader.Size + 4));
        bool same = icmp.Type == IcmpHeader.EchoReply ? icmp.Sequence == (ushort)identity : quoted == (ushort)identity;
        string name = icmp.Type switch
        {
            IcmpHeader.EchoReply => "answered: echo reply",
            IcmpHeader.TimeExceeded => "answered: time exceeded",
            IcmpHeader.DestinationUnreachable => "answered: unreachable",
            _ => $"ICMP type {icmp.Type}",
        };
        return same ? name : name + " to something else";
    }

    private Dictionary<Reason, ulong> Reasons() => _router.Errors
        .GroupBy(error => error.Reason)
        .ToDictionary(group => group.Key, group => group.Aggregate(0UL, (sum, error) => sum + error.Count));

    private static void AssertBalanced(PortCounters counters) => Assert.Equal(
        counters[PortCounter.WireReceived] + counters[PortCounter.NetdevSent] + counters[PortCounter.QueueSent] + counters[PortCounter.Copies],
        counters[PortCounter.QueueReceived] + counters[PortCounter.NetdevReceived] + counters[PortCounter.WireSent] + counters.Dropped);

    private void Run()
    {
        bool worked;
        do
        {
            worked = _cable.Nics.Step();
            _router.Maintain(_now);
            worked |= _router.Workers[0].RunOnce(_now);
        }
        while (worked);
    }
}
