using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>The wire to an existing interface: a veth pair, or the loopback interface, on which all that is sent comes in again.</summary>
public sealed class InterfaceWireTests
{
    private const int SegmentBytes = 1000;
    private const int SegmentsPerPacket = 60;
    private const int Packets = 4;
    private const int HeaderBytes = 54;

    [Fact]
    public async Task What_waits_to_be_cut_is_left_alone_by_what_is_sent_meanwhile()
    {
        using InterfaceRequests loopback = new("lo");
        loopback.SetUp();
        using InterfaceWire wire = new("lo");
        SendPackets();

        // In another thread, for a wire that loses count never comes back.
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        List<int> received = await Task.Run(() => ReceiveSegments(wire), cancelled).WaitAsync(TimeSpan.FromSeconds(60), cancelled);
        Assert.Equal(Enumerable.Range(0, Packets * SegmentsPerPacket), received);
    }

    [Fact]
    public void A_frame_longer_than_the_interface_takes_is_lost_alone()
    {
        const string Destination = "02:00:00:00:00:77";
        string near = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";
        string far = near[..^1] + "b";
        Ip($"link add {near} type veth peer name {far}");
        Ip($"link set {far} up");
        Ip($"link set {near} up");
        using (TestPort port = new(new InterfaceOptions(near)))
        using (InterfaceWire end = new(far))
        {
            Assert.True(SpinWait.SpinUntil(() => IsUp(port), TimeSpan.FromSeconds(60)), "the pair brings the link up");
            foreach (int length in (int[])[64, 1500 + EthernetHeader.Size, 1500 + EthernetHeader.Size + VlanTag.Size, 100])
            {
                port.Netdev.Sent.Enqueue(TestPort.Frame(Destination, length: length));
            }

            port.Run();
            Assert.Equal((3UL, 1UL), (port[PortCounter.WireSent], port[PortCounter.WireError]));
            Assert.Equal(64UL + 1514 + 100, port[PortCounter.WireSentBytes]);
            Assert.Equal([64, 1514, 100], ReceiveLengths(end, MacAddress.Parse(Destination), 3));
        }

        Ip($"link del {near}");
    }

    [Fact]
    public void A_frame_that_Linux_left_short_arrives_as_long_as_Ethernet_has_them()
    {
        const string Destination = "02:00:00:00:00:77";
        byte[] frame = TestPort.Frame(Destination, identity: 0xEE, length: 42); // as long as Linux's ARP requests
        byte[] padded = [.. frame, .. new byte[EthernetHeader.MinFrameBytes - frame.Length]];
        string name = $"vt{RandomNumberGenerator.GetHexString(8, true)}";
        using TapDevice tap = new(name);
        tap.Requests.SetUp();
        using InterfaceWire end = new(name);
        using FrameBatch frames = new();
        frames.Add(frame);
        Assert.Equal(1, end.Send(frames));
        Assert.Equal(padded, Receive(tap.Receive, MacAddress.Parse(Destination)));

        Assert.Equal(1, tap.Send(frames));
        Assert.Equal(padded, Receive(end.Receive, MacAddress.Parse(Destination)));
    }

    private static byte[] Receive(Action<FrameBatch> receive, MacAddress destination)
    {
        using FrameBatch received = new();
        byte[]? found = null;
        Assert.True(SpinWait.SpinUntil(() => (found = Find(receive, received, destination)) is not null, TimeSpan.FromSeconds(60)), "it arrives");
        return found!;
    }

    private static byte[]? Find(Action<FrameBatch> receive, FrameBatch received, MacAddress destination)
    {
        received.Clear();
        received.Reserve().Fill(0xEE); // what a longer frame has left there
        receive(received);
        for (int i = 0; i < received.Count; i++)
        {
            if (new MacAddress(received[i][..6]) == destination)
            {
                return received[i].ToArray();
            }
        }

        return null;
    }

    private static bool IsUp(TestPort port)
    {
        port.Time.Advance(TimeSpan.FromSeconds(1)); // so that it asks Linux again
        port.Run();
        return port.Nic.Link.IsUp;
    }

    private static void Ip(string command)
    {
        using Process process = Process.Start("ip", command);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {command}");
    }

    /// <summary>The lengths of the frames for an address, which Linux's own between them are not.</summary>
    private static List<int> ReceiveLengths(InterfaceWire wire, MacAddress destination, int count)
    {
        using FrameBatch received = new();
        List<int> lengths = [];
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                received.Clear();
                wire.Receive(received);
                for (int i = 0; i < received.Count; i++)
                {
                    if (new MacAddress(received[i][..6]) == destination)
                    {
                        lengths.Add(received[i].Length);
                    }
                }

                return lengths.Count >= count;
            },
            TimeSpan.FromSeconds(60)), "they arrive");
        return lengths;
    }

    /// <summary>The numbers that the segments begin with, while short frames are sent after each batch.</summary>
    private static List<int> ReceiveSegments(InterfaceWire wire)
    {
        using FrameBatch received = new();
        using FrameBatch sent = new();
        for (int i = 0; i < FrameBatch.Capacity; i++)
        {
            sent.Add(new byte[EthernetHeader.MinFrameBytes]);
        }

        List<int> numbers = [];
        for (int turn = 0; turn < 1000 && numbers.Count < Packets * SegmentsPerPacket; turn++)
        {
            received.Clear();
            wire.Receive(received);
            for (int i = 0; i < received.Count; i++)
            {
                if (received[i].Length == HeaderBytes + SegmentBytes)
                {
                    numbers.Add(BinaryPrimitives.ReadInt32BigEndian(received[i][HeaderBytes..]));
                }
            }

            wire.Send(sent);
        }

        return numbers;
    }

    /// <summary>Gives the kernel TCP packets that hardware is to cut, as a veth peer does.</summary>
    private static unsafe void SendPackets()
    {
        int socket = Libc.socket(Sockets.AF_PACKET, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, 0);
        int on = 1;
        Assert.Equal(0, Libc.setsockopt(socket, IfPacket.SOL_PACKET, IfPacket.PACKET_VNET_HDR, &on, sizeof(int)));
        sockaddr_ll address = new() { sll_family = Sockets.AF_PACKET, sll_ifindex = (int)Libc.if_nametoindex("lo") };
        Assert.Equal(0, Libc.bind(socket, &address, (uint)sizeof(sockaddr_ll)));
        using MessageBatch message = new(1);
        var header = new virtio_net_hdr
        {
            flags = VirtioNet.VIRTIO_NET_HDR_F_NEEDS_CSUM,
            gso_type = VirtioNet.VIRTIO_NET_HDR_GSO_TCPV4,
            hdr_len = HeaderBytes,
            gso_size = SegmentBytes,
            csum_start = EthernetHeader.Size + Ip4Header.Size,
            csum_offset = 16,
        };
        for (int packet = 0; packet < Packets; packet++)
        {
            fixed (byte* bytes = Packet(packet))
            {
                message.Point(0, &header, (nuint)sizeof(virtio_net_hdr), bytes, HeaderBytes + (SegmentsPerPacket * SegmentBytes));
                Assert.Equal(1, Libc.sendmmsg(socket, message.Messages, 1, 0));
            }
        }

        _ = Libc.close(socket);
    }

    private static byte[] Packet(int number)
    {
        byte[] packet = new byte[HeaderBytes + (SegmentsPerPacket * SegmentBytes)];
        Frames.Tcp(IPAddress.Parse("1.1.1.100"), 1000, IPAddress.Parse("1.1.1.2"), 2000).CopyTo(packet, 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(16), (ushort)(packet.Length - EthernetHeader.Size));
        for (int i = 0; i < SegmentsPerPacket; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(packet.AsSpan(HeaderBytes + (i * SegmentBytes)), (number * SegmentsPerPacket) + i);
        }

        return packet;
    }
}
