using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Tests.Driver;

/// <summary>The port on emulated NICs, below the real libibverbs and libmlx5: whatever its mode and layout, it behaves alike.</summary>
public abstract class RdmaPortTests(PortForm form) : IDisposable
{
    private static readonly MacAddress s_other = new(0x02_0000_00BBBB);
    private static readonly int[] s_expected = [(int)Errno.EIO, (int)Errno.EOPNOTSUPP];
    private readonly CabledPorts _cable = new(form.Change, form.Behaviour, form.Model, mtu: 9000);

    public void Dispose()
    {
        _cable.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void A_frame_to_the_ports_address_arrives_as_it_was_sent()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        int[] lengths = [60, 61, 64, 1514];
        byte[][] frames = [.. lengths.Select((length, id) => CabledPorts.Frame(far.MacAddress, id, length))];

        _cable.Send(near, frames);

        Assert.Equal(frames, _cable.Receive(far));
        Assert.Equal(new TxCounters(4, 1699, 0), near.TxQueues[0].Counters);
        Assert.Equal((4UL, 1699UL), (Total(far, c => c.Packets), Total(far, c => c.Bytes)));
    }

    [Fact]
    public void Frames_arrive_whole_and_in_order_however_often_the_rings_wrap()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName, options => options with { RxQueues = 1 });
        var random = new Random(3);
        var sent = new List<byte[]>();
        var received = new List<byte[]>();
        for (int batch = 0; batch < 200; batch++)
        {
            byte[][] frames = [.. Enumerable.Range(0, random.Next(1, 100)).Select(i => Random(far.MacAddress, sent.Count + i, random.Next(60, 1515)))];
            sent.AddRange(frames);
            _cable.Send(near, frames);
            received.AddRange(_cable.Receive(far));
        }

        AssertSame(sent, received);
        Assert.Equal((ulong)sent.Count, Total(far, c => c.Packets));
        Assert.Equal((ulong)sent.Sum(frame => frame.Length), Total(far, c => c.Bytes));
        Assert.Equal((ulong)sent.Sum(frame => frame.Length), near.TxQueues[0].Counters.Bytes);
    }

    [Fact]
    public void The_longest_queues_can_be_made()
    {
        RdmaInterfaceOptions options = form.Change(CabledPorts.Options(_cable.NearName)) with { TxQueueSize = RdmaInterfaceOptions.MaxQueueSize, RxQueues = 1 };
        using var port = RdmaPort.Create(options, _cable.Pool, txQueues: 1, new Random(1));
        Assert.Contains($"tx queues: 1 of {RdmaInterfaceOptions.MaxQueueSize}", port.Describe()[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_frame_arrives_where_it_fits_and_else_costs_only_itself()
    {
        RdmaPort near = _cable.Open(_cable.NearName, options => options with { Mode = RdmaMode.Dv, NoMultiSeg = false, MaxPacketLength = null, RxQueues = 1 });
        RdmaPort far = _cable.Open(_cable.FarName, options => options with { RxQueues = 1 });
        int[] lengths = [64, 2048, 2049, 100, 4096, 4097, 9014, 61, 3000, 9014, 60, 1514];
        byte[][] frames = [.. Enumerable.Range(0, 600).Select(i => Random(far.MacAddress, i, lengths[i % lengths.Length]))];
        int buffers = form.LongestFrame;

        var received = new List<byte[]>();
        foreach (byte[][] few in frames.Chunk(lengths.Length))
        {
            _cable.Send(near, few);
            received.AddRange(_cable.Receive(far));
        }

        AssertSame([.. frames.Where(frame => frame.Length <= buffers)], received);
        Assert.Equal((ulong)frames.Count(frame => frame.Length > buffers), Total(far, c => c.Errors));
        Assert.Equal(Math.Min(buffers - VlanTag.Size, 9000 + EthernetHeader.Size), far.MaxFrameBytes);
    }

    [Fact]
    public void A_long_frame_can_be_sent_in_both_modes()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName, options => options with { Mode = RdmaMode.Dv, NoMultiSeg = false, NoStriding = false, MaxPacketLength = null, RxQueues = 1 });
        byte[][] frames = [.. Enumerable.Range(0, 60).Select(i => Random(far.MacAddress, i, 60 + (i * 151)))];
        var received = new List<byte[]>();
        foreach (byte[][] few in frames.Chunk(7))
        {
            _cable.Send(near, few);
            received.AddRange(_cable.Receive(far));
        }

        AssertSame(frames, received);
        Assert.Equal((ulong)frames.Length, near.TxQueues[0].Counters.Packets);
        Assert.Equal((ulong)frames.Sum(frame => frame.Length), near.TxQueues[0].Counters.Bytes);
    }

    [Fact]
    public void A_frame_shorter_than_Ethernet_allows_is_padded()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        byte[] frame = CabledPorts.Frame(far.MacAddress, id: 7, length: 42);

        _cable.Send(near, frame);

        byte[] received = Assert.Single(_cable.Receive(far));
        Assert.Equal([.. frame, .. new byte[60 - 42]], received);
    }

    [Fact]
    public void A_frame_to_another_address_does_not_arrive()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        _cable.Send(near, CabledPorts.Frame(s_other));
        Assert.Empty(_cable.Receive(far));
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_FFFF, 0x0806)]
    [InlineData(0x3333_0000_0001, 0x86DD)]
    [InlineData(0x0100_5E00_0001, 0x0800)]
    public void A_frame_to_a_group_arrives_once_and_not_at_its_sender(ulong group, ushort etherType)
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        _cable.Send(near, CabledPorts.Frame(new MacAddress(group), etherType: etherType));
        Assert.Single(_cable.Receive(far));
        Assert.Empty(_cable.Receive(near));
    }

    [Fact]
    public void A_port_that_is_down_receives_nothing()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        far.SetAdminUp(false);
        _cable.Send(near, CabledPorts.Frame(far.MacAddress), CabledPorts.Frame(MacAddress.Broadcast));
        Assert.Empty(_cable.Receive(far));

        far.SetAdminUp(true);
        _cable.Send(near, CabledPorts.Frame(far.MacAddress), CabledPorts.Frame(MacAddress.Broadcast));
        Assert.Equal(2, _cable.Receive(far).Count);
    }

    [Fact]
    public void A_new_address_replaces_the_old_one()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        MacAddress old = far.MacAddress;
        far.SetMacAddress(s_other);
        _cable.Send(near, CabledPorts.Frame(old), CabledPorts.Frame(s_other, id: 1), CabledPorts.Frame(s_other, id: 2, etherType: 0x86DD));
        Assert.Equal(s_other, far.MacAddress);
        Assert.Equal(2, _cable.Receive(far).Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_refused_address_leaves_the_old_one_receiving(int refusedCommand)
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        MacAddress old = far.MacAddress;
        _cable.Nics.Faults.FailCommand(refusedCommand, (int)Errno.ENOSPC);

        string message = Assert.Throws<VerbsException>(() => far.SetMacAddress(s_other)).Message;

        Assert.Equal(
            $"ibv_create_flow for {far.Name} failed with ENOSPC (No space left on device): "
            + "the NIC has no room left for it; delete interfaces or other programs' queues and flows",
            message);
        _cable.Send(near, CabledPorts.Frame(old, id: 1), CabledPorts.Frame(old, id: 2, etherType: 0x86DD), CabledPorts.Frame(s_other));
        Assert.Equal(old, far.MacAddress);
        Assert.Equal(2, _cable.Receive(far).Count);
    }

    [Fact]
    public void Each_kernel_command_may_fail_and_nothing_is_left_behind()
    {
        var verbs = new HashSet<string>(StringComparer.Ordinal);
        for (int command = 1; ; command++)
        {
            _cable.Nics.Faults.Reset();
            _cable.Nics.Faults.FailCommand(command, (int)Errno.EIO);
            try
            {
                using var port = RdmaPort.Create(form.Change(CabledPorts.Options(_cable.NearName)), _cable.Pool, txQueues: 2, new Random(1));
                port.SetAdminUp(true);
            }
            catch (VerbsException failure)
            {
                // Some queries of its own libmlx5 may do without at first; what it then can't do, fails with EOPNOTSUPP.
                Assert.StartsWith($"{failure.Verb} for ", failure.Message, StringComparison.Ordinal);
                Assert.Contains(failure.ErrorNumber, s_expected);
                verbs.Add(failure.Verb);
            }

            Assert.Empty(_cable.Nics.LiveObjects);
            Assert.Equal(_cable.Pool.Count, _cable.Pool.FreeCount);
            if (_cable.Nics.Faults.Seen.Count < command)
            {
                break;
            }
        }

        Assert.Superset(
            new HashSet<string>(StringComparer.Ordinal)
            {
                "ibv_query_port", "ibv_alloc_pd", "ibv_reg_mr", form.CreateCq, "ibv_create_qp", "ibv_modify_qp", form.CreateWq, "ibv_modify_wq",
                "ibv_create_rwq_ind_table", "ibv_create_qp_ex", "ibv_create_flow",
            },
            verbs);
    }

    [Fact]
    public void The_link_is_what_the_NIC_reports()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        Assert.Equal(new LinkState(true, 100_000_000_000), near.Link);

        _cable.Nics.Devices[_cable.NearName].SetCarrier(false);
        near.ReadEvents();
        Assert.Equal(default, near.Link);

        _cable.Nics.Devices[_cable.NearName].SetCarrier(true);
        near.ReadEvents();
        Assert.Equal(new LinkState(true, 100_000_000_000), near.Link);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Flows_are_spread_over_all_receive_queues_and_each_stays_on_one(int queues)
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName, options => options with { RxQueues = queues });
        byte[][] flows = [.. Enumerable.Range(0, 100).Select(id => Tcp(far.MacAddress, (byte)id))];

        _cable.Send(near, flows);
        List<byte[]>[] first = [.. far.RxQueues.Select(_cable.Receive)];
        _cable.Send(near, flows);
        List<byte[]>[] second = [.. far.RxQueues.Select(_cable.Receive)];

        Assert.Equal(100, first.Sum(queue => queue.Count));
        Assert.All(first, queue => Assert.NotEmpty(queue));
        Assert.Equal(first, second);
    }

    [Fact]
    public void A_full_queue_takes_no_more_and_leaves_the_rest_to_the_caller()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        var buffers = new BufferIndex[300];
        Assert.Equal(300, _cable.Pool.Take(buffers));
        foreach (BufferIndex buffer in buffers)
        {
            _cable.Pool.SetPacket(buffer, CabledPorts.Frame(far.MacAddress));
        }

        Assert.Equal(256, near.TxQueues[0].Send(buffers));
        Assert.Equal(0, near.TxQueues[0].Send(buffers.AsSpan(256)));
        _cable.Run();
        Assert.Equal(44, near.TxQueues[0].Send(buffers.AsSpan(256)));
        _cable.Run();
        near.TxQueues[0].Reclaim();
    }

    [Fact]
    public void A_send_queue_that_stopped_at_an_error_goes_on()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        var buffers = new BufferIndex[20];
        Assert.Equal(20, _cable.Pool.Take(buffers));
        Array.ForEach(buffers, buffer => _cable.Pool.SetPacket(buffer, CabledPorts.Frame(far.MacAddress)));
        BufferIndex last = _cable.TakeLastOfPool(); // its neighbour lies outside the memory that the NIC knows
        _cable.Pool.Header(last).DataOffset = BufferPool.HeadroomBytes + BufferPool.DataBytes - 32;
        _cable.Pool.Header(last).Length = 512;
        (buffers[10], last) = (last, buffers[10]);
        _cable.Pool.Return(last);

        Assert.Equal(20, near.TxQueues[0].Send(buffers));
        _cable.Run();
        near.TxQueues[0].Reclaim();
        _cable.Send(near, CabledPorts.Frame(far.MacAddress));

        int received = _cable.Receive(far).Count;
        ulong lost = near.TxQueues[0].Counters.Errors;
        Assert.InRange(received, 1, 11);
        Assert.InRange(lost, 21UL - (ulong)received, 20UL); // which of a WQE's packets have left, the NIC does not tell: all count as lost
        Assert.Single(near.Describe(), line => line == "transmit queue 0: IBV_WC_LOC_PROT_ERR 1 (last vendor syndrome 0x52)");
    }

    [Fact]
    public void An_interface_that_no_NIC_has_is_named()
    {
        RdmaInterfaceOptions options = CabledPorts.Options("eth77");
        string message = Assert.Throws<HostInterfaceException>(() => RdmaPort.Create(options, _cable.Pool, txQueues: 1, new Random(1))).Message;
        Assert.StartsWith("'eth77' is none of the network interfaces that libibverbs is led to: those are ", message, StringComparison.Ordinal);
        Assert.Contains(_cable.NearName, message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_description_names_the_NIC_and_what_was_asked_for()
    {
        RdmaPort near = _cable.Open(_cable.NearName, options => options with { Rss4 = Rss4.Ipv4Udp, Rss6 = Rss6.Ipv6 });
        IReadOnlyList<string> lines = near.Describe();
        Assert.StartsWith($"netdev {_cable.NearName} pci-addr 0000:", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("rdma device: mlx5_0 pci-id 15b3:10", lines[1], StringComparison.Ordinal);
        Assert.Equal(form.Description, lines[2]);
        Assert.Equal("rx queues: 2 of 256, tx queues: 1 of 256", lines[3]);
        Assert.Equal("flags: admin-up link-up", lines[4]);
        Assert.Equal($"steered here: frames to {near.MacAddress}, copies of broadcast and multicast", lines[5]);
        Assert.Equal("rss: ipv4-udp ipv6", lines[6]);
    }

    /// <summary>As <c>Assert.Equal</c>, which looks at each byte by itself and so took most of the time.</summary>
    private static void AssertSame(IReadOnlyList<byte[]> expected, List<byte[]> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        int different = Enumerable.Range(0, expected.Count).FirstOrDefault(i => !expected[i].AsSpan().SequenceEqual(actual[i]), -1);
        Assert.True(different < 0, $"frame {different} arrives as it was sent");
    }

    private static ulong Total(RdmaPort port, Func<RxCounters, ulong> counter) =>
        port.RxQueues.Aggregate(0UL, (sum, queue) => sum + counter(queue.Counters));

    private static byte[] Random(MacAddress destination, int id, int length)
    {
        byte[] frame = new byte[length];
        new Random(id).NextBytes(frame);
        CabledPorts.Frame(destination, id).AsSpan(0, 18).CopyTo(frame);
        return frame;
    }

    private static byte[] Tcp(MacAddress destination, byte host)
    {
        byte[] frame = CabledPorts.Frame(destination, etherType: EtherType.Ip4);
        byte[] ip = Convert.FromHexString("45000028000000004006000001010100020202020400005000000000000000005000000000000000");
        ip[15] = host;
        MemoryMarshal.Write(ip.AsSpan(10), Checksum.Compute(ip.AsSpan(0, 20)));
        ip.CopyTo(frame, 14);
        return frame;
    }
}
