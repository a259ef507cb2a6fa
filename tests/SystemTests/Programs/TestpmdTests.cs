using System.Globalization;
using System.Text.RegularExpressions;
using Verbena.Tests.Emulator.Nic;
using static Verbena.SystemTests.Programs.TestpmdFrames;

namespace Verbena.SystemTests.Programs;

/// <summary>What DPDK's mlx5 driver sends and receives on emulated ports. What testpmd counts is held against what was sent.</summary>
public sealed class TestpmdTests : TestpmdLab
{
    private const string Mprq = "mprq_en=1,rxqs_min_mprq=1";
    private const int JumboMtu = 9000;
    private static readonly Comparer<byte[]> s_byBytes = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    [Theory]
    [InlineData("dv_flow_en=0", "vectorized SPRQ")]
    [InlineData("", "vectorized SPRQ")]
    [InlineData("rx_vec_en=0,txq_mpw_en=0", "SPRQ")]
    [InlineData("rxq_cqe_comp_en=0,txqs_min_inline=0,txq_inline_mpw=256", "vectorized SPRQ")]
    [InlineData("rx_vec_en=0,rxq_cqe_comp_en=0,txq_mpw_en=0,txqs_min_inline=0,txq_inline_max=512", "SPRQ")]
    [InlineData(Mprq, "vectorized MPRQ")]
    [InlineData(Mprq + ",rx_vec_en=0,mprq_max_memcpy_len=0", "MPRQ")]
    public void Frames_of_all_lengths_come_back_with_their_addresses_swapped(string driver, string receive)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=macswap"], isPrivate: driver.Length == 0);
        Assert.Contains($"selected {receive} Rx function", testpmd.Output, StringComparison.Ordinal);
        using FarEnd far = Plug("far0");
        testpmd.Command("start");
        byte[][] frames = [.. Enumerable.Range(0, 300).Select(i => Mixed(i, 60 + (i * 1454 / 299)))];

        Assert.Equal(frames.Select(Swapped), far.Exchange(frames));

        Assert.Equal(Counted(frames, frames), testpmd.Statistics());
        testpmd.Quit();
    }

    /// <remarks>Frames of one kind, since only completions that look alike are compressed.</remarks>
    [Theory]
    [InlineData(",cqe-compression=aggressive", "")]
    [InlineData(",cqe-compression=random:1", "")]
    [InlineData(",cqe-compression=random:2,cqe-sessions-wrap=on", "rx_vec_en=0")]
    [InlineData(",cqe-compression=random:3", Mprq)]
    [InlineData(",cqe-compression=random:4,cqe-sessions-wrap=on", Mprq + ",rx_vec_en=0")]
    public void What_the_NIC_compresses_DPDK_reads(string behaviour, string driver)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=macswap"], behaviour: behaviour);
        using FarEnd far = Plug("far0");
        testpmd.Command("start");
        byte[][] frames = [.. Enumerable.Range(0, 1500).Select(i => Mixed(5 * i, 60 + (i * 7 % 1400)))];

        Assert.Equal(frames.Select(Swapped), far.Exchange(frames));

        Assert.Equal(Counted(frames, frames), testpmd.Statistics());
        testpmd.Quit();
    }

    [Theory]
    [InlineData("", "--txq=1")]
    [InlineData("txq_mpw_en=0", "--txq=1")]
    [InlineData("txqs_min_inline=0,txq_inline_mpw=256", "--txq=4")]
    [InlineData("dv_flow_en=0", "--txpkts=200,300,14")]
    public void What_is_sent_as_fast_as_can_be_is_counted_alike_by_testpmd_and_the_wire(string driver, string options)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["sink"], driver, ["--forward-mode=txonly", "--tx-offloads=0x8000", options]);
        testpmd.Command("start");
        Lab.WaitUntil(() => testpmd.Statistics()["TX-packets"] > 100_000);
        testpmd.Command("stop");
        long sent = testpmd.Statistics()["TX-packets"];
        Dictionary<string, long> port = testpmd.Quit()[0];
        Assert.Equal((sent, sent), (port["queue_sent"], port["wire_sent"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData(Mprq)]
    public void What_comes_faster_than_it_can_be_taken_is_received_or_missed(string driver)
    {
        const int Count = 500_000;
        using Testpmd testpmd = ReceiveOnly(Count, driver);
        testpmd.Command("start");
        Lab.WaitUntil(() => testpmd.Statistics() is var seen && seen["RX-packets"] + seen["RX-missed"] == Count);
        Assert.Equal(Count, testpmd.Quit()[0]["wire_received"]);
    }

    [Fact]
    public void What_comes_while_nobody_posts_buffers_is_missed()
    {
        const int Count = 1000;
        const int Posted = 256;
        using Testpmd testpmd = ReceiveOnly(Count, "");
        Lab.WaitUntil(() => testpmd.Statistics()["RX-missed"] == Count - Posted);
        testpmd.Command("start");
        Lab.WaitUntil(() => testpmd.Statistics()["RX-packets"] == Posted);
        Dictionary<string, long> port = testpmd.Quit()[0];
        Assert.Equal((Count, Posted, Count - Posted), (port["wire_received"], port["queue_received"], port["out_of_buffer"]));
    }

    [Theory]
    [InlineData("", "--mbuf-size=9300")]
    [InlineData("", "--rx-offloads=0x2000", "--tx-offloads=0x8000")] // a chain of buffers each
    [InlineData("dv_flow_en=0", "--rx-offloads=0x2000", "--tx-offloads=0x8000")]
    public void Jumbo_frames_are_forwarded_in_one_buffer_or_in_several(string driver, params string[] options)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=macswap", "--max-pkt-len=9018", .. options]);
        using FarEnd far = Plug("far0", JumboMtu);
        testpmd.Command("start");
        byte[][] frames = [.. Enumerable.Range(0, 100).Select(i => Mixed(i, 1400 + (i * 7610 / 99)))];

        Assert.Equal(frames.Select(Swapped), far.Exchange(frames, atOnce: 8));

        Assert.Equal(Counted(frames, frames), testpmd.Statistics());
        testpmd.Quit();
    }

    [Theory]
    [InlineData("")]
    [InlineData("dv_flow_en=0")]
    public void Checksums_are_judged_on_receipt_and_written_on_sending(string driver)
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], driver, ["--forward-mode=csum", "--rx-offloads=0xe"]);
        using FarEnd far = Plug("far0");
        testpmd.Command("port stop 0", "csum set ip hw 0", "csum set tcp hw 0", "csum set udp hw 0", "port start 0", "set verbose 1", "start");
        byte[][] right = [.. Enumerable.Range(0, 40).Select(i => Mixed((i % 4) + (5 * i), 100 + i))]; // UDP and TCP over IPv4, then over IPv6
        byte[][] wrong = [.. right.Select((frame, i) => (i % 8) switch
        {
            0 or 1 => Packet.Scrambled(frame, 24),
            4 => Packet.Scrambled(frame, 40),
            5 => Packet.Scrambled(frame, 50),
            6 => Packet.Scrambled(frame, 60),
            7 => Packet.Scrambled(frame, 70),
            _ => frame,
        })];

        List<byte[]> back = far.Exchange(wrong);

        Assert.Equal(right.Select(frame => frame[12..]), back.Select(frame => frame[12..]));
        int Told(string flag) => Regex.Count(testpmd.Output, flag); // of each frame twice, and later than it sends them back
        Lab.WaitUntil(() => Told("RX_IP_CKSUM_GOOD") >= 2 * 30 && Told("RX_L4_CKSUM_GOOD") >= 2 * 20);
        Assert.Equal((2 * 30, 2 * 20), (Told("RX_IP_CKSUM_GOOD"), Told("RX_L4_CKSUM_GOOD")));
        testpmd.Quit();
    }

    [Fact]
    public void Segmentation_is_the_NIC_s()
    {
        const int SegmentBytes = 800;
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], "", ["--forward-mode=csum", "--max-pkt-len=9018", "--mbuf-size=9300"]);
        using FarEnd far = Plug("far0", JumboMtu);
        testpmd.Command("port stop 0", "csum set ip hw 0", "csum set tcp hw 0", "tso set 800 0", "port start 0", "start");
        byte[] payload = Packet.Payload(4000);
        far.Send(ToPort(Packet.Ethernet(0x0800, Packet.Ip4(Packet.TcpProtocol, Packet.Tcp(payload, sequence: 1000)))));

        List<byte[]> segments = far.Receive(5);

        byte[][] expected = [.. payload.Chunk(SegmentBytes).Select((part, i) => Packet.Ip4(Packet.TcpProtocol,
            Packet.Tcp(part, flags: (byte)(i == 4 ? 0x18 : 0x10), sequence: 1000 + (uint)(i * SegmentBytes)), identification: (ushort)(0x1234 + i)))];
        Assert.Equal(expected, segments.Select(frame => frame[14..]));
        testpmd.Quit();
    }

    [Fact]
    public void VLAN_tags_are_stripped_while_that_is_on_and_inserted_where_asked_for()
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], "", ["--forward-mode=macswap", "--rx-offloads=0x1"]);
        using FarEnd far = Plug("far0");
        testpmd.Command("start");
        byte[][] plain = [.. Enumerable.Range(0, 40).Select(i => Mixed(i, 60 + i))];
        byte[][] tagged = [.. plain.Select(frame => Tagged(frame, 5))];

        Assert.Equal(plain.Select(Swapped), far.Exchange(tagged));
        Assert.Equal(Counted(plain, plain), testpmd.Statistics());

        testpmd.Command("vlan set strip off 0");
        Assert.Equal(tagged.Select(Swapped), far.Exchange(tagged));

        testpmd.Command("stop", "port stop 0", "tx_vlan set 0 7", "port start 0", "start");
        Assert.Equal(plain.Select(frame => Tagged(Swapped(frame), 7)), far.Exchange(plain));
        testpmd.Quit();
    }

    [Fact]
    public void Two_ports_forward_to_each_other()
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0", "tap:far1"], "", ["--forward-mode=io"]);
        using FarEnd near = Plug("far0");
        using FarEnd far = Plug("far1");
        testpmd.Command("start");
        byte[][] frames = [.. Enumerable.Range(0, 64).Select(i => Mixed(i, 60 + i))];
        foreach (byte[] frame in frames)
        {
            near.Send(frame);
        }

        Assert.Equal(frames, far.Receive(frames.Length));
        foreach (byte[] frame in frames[..10])
        {
            far.Send(frame);
        }

        Assert.Equal(frames[..10], near.Receive(10));
        Assert.Equal(Counted(frames, frames[..10]), testpmd.Statistics(0));
        Assert.Equal(Counted(frames[..10], frames), testpmd.Statistics(1));
        testpmd.Quit();
    }

    [Fact]
    public void A_port_is_stopped_and_started_again_with_other_queues_and_sees_its_cable_pulled()
    {
        using Testpmd testpmd = Testpmd.Start(Host, ["tap:far0"], "", ["--forward-mode=macswap"]);
        using FarEnd far = Plug("far0");
        byte[][] frames = [.. Enumerable.Range(0, 40).Select(i => Mixed(i, 60 + i))];
        foreach (int queues in new[] { 1, 3, 2 })
        {
            testpmd.Command("stop", "port stop 0");
            testpmd.Command(string.Create(CultureInfo.InvariantCulture, $"port config all rxq {queues}"),
                string.Create(CultureInfo.InvariantCulture, $"port config all txq {queues}"), "port start 0", "start");
            Assert.Equal(frames.Select(Swapped).Order(s_byBytes), far.Exchange(frames).Order(s_byBytes));
        }

        Assert.Matches("Link status: up\\s+Link speed: 100 Gbps", testpmd.Command("show port info 0"));
        Host.Run("ip", "link", "set", "far0", "down");
        Lab.WaitUntil(() => testpmd.Command("show port info 0").Contains("Link status: down", StringComparison.Ordinal));
        Host.Run("ip", "link", "set", "far0", "up");
        Lab.WaitUntil(() => testpmd.Command("show port info 0").Contains("Link status: up", StringComparison.Ordinal));
        testpmd.Quit();
    }

    /// <summary>A testpmd to whose address the NIC itself makes frames, as many as asked for, as soon as there is a rule for it.</summary>
    private Testpmd ReceiveOnly(int count, string driver)
    {
        string wire = string.Create(CultureInfo.InvariantCulture, $"generator:count={count}");
        Testpmd testpmd = Testpmd.Start(Host, [wire], driver, ["--forward-mode=rxonly", "--flow-isolate-all"]);
        Assert.Contains("Flow rule #0 created", testpmd.Command(
            "flow create 0 ingress pattern eth dst is 02:00:00:00:00:01 / end actions queue index 0 / end"), StringComparison.Ordinal);
        return testpmd;
    }

    /// <summary>What testpmd says of a port that has received and sent these frames and nothing else.</summary>
    private static Dictionary<string, long> Counted(byte[][] received, byte[][] sent) => new(StringComparer.Ordinal)
    {
        ["RX-packets"] = received.Length,
        ["RX-missed"] = 0,
        ["RX-bytes"] = received.Sum(frame => frame.Length),
        ["RX-errors"] = 0,
        ["RX-nombuf"] = 0,
        ["TX-packets"] = sent.Length,
        ["TX-errors"] = 0,
        ["TX-bytes"] = sent.Sum(frame => frame.Length),
    };
}
