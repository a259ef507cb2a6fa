using System.Buffers.Binary;
using Verbena.Driver;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Packets;

namespace Verbena.Tests.Driver;

/// <summary>What ports ask the NIC to do, and what it tells of packets.</summary>
[Collection("emulated NIC")]
public sealed class OffloadTests : IDisposable
{
    private const int HeaderBytes = EthernetHeader.Size + Ip4Header.Size + 20; // TCP without options

    private CabledPorts _cable = null!;

    public static TheoryData<string> Forms => [nameof(PortForm.OneBuffer), nameof(PortForm.StridingStrideIndex), nameof(PortForm.ConnectX4)];

    public void Dispose() => _cable.Dispose();

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_good_IPv4_header_is_known_to_be_good_and_a_bad_one_is_not(string form)
    {
        (RdmaPort near, RdmaPort far) = Open(form);
        byte[] good = Tcp(far.MacAddress, 100);
        byte[] bad = Tcp(far.MacAddress, 100);
        bad[24] ^= 1; // the checksum field
        _cable.Send(near, good, bad, CabledPorts.Frame(far.MacAddress));

        Assert.Equal(
            [BufferFlags.Ip4ChecksumGood, BufferFlags.None, BufferFlags.None],
            Headers(far).Select(header => header.Flags & BufferFlags.Ip4ChecksumGood));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    [InlineData(nameof(PortForm.Ibv))]
    public void The_NIC_computes_the_checksums_of_packets_that_ask_for_them(string form)
    {
        (RdmaPort near, RdmaPort far) = Open(form);
        byte[] whole = Tcp(far.MacAddress, 777);
        byte[] unsummed = [.. whole];
        unsummed.AsSpan(24, 2).Clear();
        unsummed.AsSpan(EthernetHeader.Size + Ip4Header.Size + 16, 2).Clear();

        Send(near, unsummed, header => header with { Flags = BufferFlags.OffloadIp4Checksum | BufferFlags.OffloadL4Checksum });
        Send(near, unsummed, header => header); // in the same batch or not, who does not ask gets none

        Assert.Equal([whole, unsummed], _cable.Receive(far));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_NIC_cuts_TCP_payload_into_segments(string form)
    {
        (RdmaPort near, RdmaPort far) = Open(form);
        byte[] large = Tcp(far.MacAddress, 5300);

        Send(near, large, header => header with
        {
            Flags = header.Flags | BufferFlags.SegmentTcp,
            SegmentBytes = 1448,
            SegmentHeaderBytes = HeaderBytes,
        });

        List<byte[]> segments = _cable.Receive(far);
        Assert.Equal([1448, 1448, 1448, 5300 - (3 * 1448)], segments.Select(segment => segment.Length - HeaderBytes));
        Assert.Equal(large[HeaderBytes..], segments.SelectMany(segment => segment[HeaderBytes..]));
        Assert.All(segments, segment =>
        {
            Assert.Equal(segment.Length - EthernetHeader.Size, BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(16)));
            Assert.True(Checksum.IsValid(segment.AsSpan(EthernetHeader.Size, Ip4Header.Size)));
        });
        Assert.Equal(1UL, near.TxQueues[0].Counters.Packets);
    }

    [Theory]
    [InlineData(RxMetadata.RssHash | RxMetadata.FlowTag)]
    [InlineData(RxMetadata.Timestamp | RxMetadata.VlanTag | RxMetadata.RssHash)]
    public void Headers_tell_what_was_asked_for_and_no_more(RxMetadata asked)
    {
        (RdmaPort near, RdmaPort far) = Open(nameof(PortForm.StridingStrideIndex), asked);
        byte[] plain = Tcp(far.MacAddress, 64);
        byte[] tagged = [.. plain.AsSpan(0, 12), 0x81, 0x00, 0x20, 0x07, .. plain.AsSpan(12)];
        _cable.Send(near, plain, tagged);

        BufferHeader[] headers = Headers(far);
        bool strips = asked.HasFlag(RxMetadata.VlanTag);
        Assert.Equal([0, strips ? 0x2007 : 0], headers.Select(header => (int)header.VlanTag));
        Assert.Equal([plain.Length, strips ? plain.Length : tagged.Length], headers.Select(header => (int)header.Length));
        Assert.Equal(asked.HasFlag(RxMetadata.RssHash), headers[0].RssHash != 0);
        Assert.Equal(asked.HasFlag(RxMetadata.Timestamp), headers[0].Timestamp != 0);
        Assert.True(headers[1].Timestamp >= headers[0].Timestamp);
        SteeringTag tag = asked.HasFlag(RxMetadata.FlowTag) ? SteeringTag.Address : SteeringTag.None;
        Assert.All(headers, header => Assert.Equal(tag, (SteeringTag)header.FlowTag));
    }

    [Theory]
    [InlineData(nameof(PortForm.OneBuffer))]
    [InlineData(nameof(PortForm.OneBufferHash))] // compressed: the hash is in the minis
    [InlineData(nameof(PortForm.ScatteredHash))]
    [InlineData(nameof(PortForm.StridingStrideIndex))]
    [InlineData(nameof(PortForm.ConnectX4))]
    public void The_hash_in_each_header_is_that_of_its_packets_addresses_and_ports(string form)
    {
        (RdmaPort near, RdmaPort far) = Open(form, RxMetadata.RssHash);
        byte[][] frames = [.. Enumerable.Range(0, 60).Select(_ => Tcp(far.MacAddress, 64))];
        for (int i = 0; i < frames.Length; i++)
        {
            frames[i][EthernetHeader.Size + Ip4Header.Size] = (byte)i; // of the source port
        }

        _cable.Send(near, frames);

        var hash = new Toeplitz([.. far.Rss.Key]);
        Assert.Equal(frames.Select(frame => hash.Hash(frame.AsSpan(EthernetHeader.Size + 12, 12))), Headers(far).Select(header => header.RssHash));
    }

    [Theory]
    [InlineData(nameof(PortForm.OneBuffer))]
    [InlineData(nameof(PortForm.OneBufferHash))]
    [InlineData(nameof(PortForm.OneBufferChecksum))]
    [InlineData(nameof(PortForm.Scattered))]
    [InlineData(nameof(PortForm.ScatteredHash))]
    [InlineData(nameof(PortForm.Striding))]
    [InlineData(nameof(PortForm.StridingStrideIndex))]
    [InlineData(nameof(PortForm.ConnectX4))]
    public void Headers_tell_by_which_rule_each_frame_came(string form)
    {
        (RdmaPort near, RdmaPort far) = Open(form, RxMetadata.FlowTag);
        far.SetPromiscuous(true);
        SteeringTag[] tags = [.. Enumerable.Range(0, 60).Select(i => (SteeringTag)(1 + (i / (1 + (i % 4)) % 3)))];
        _cable.Send(near, [.. tags.Select(tag => Tcp(Destination(tag), 64))]);

        Assert.Equal(tags, Headers(far).Select(header => (SteeringTag)header.FlowTag));

        MacAddress Destination(SteeringTag tag) => tag switch
        {
            SteeringTag.Address => far.MacAddress,
            SteeringTag.Groups => MacAddress.Broadcast,
            _ => new MacAddress(0x02_0000_00BBBB),
        };
    }

    private (RdmaPort Near, RdmaPort Far) Open(string form, RxMetadata metadata = RxMetadata.None)
    {
        var chosen = PortForm.Named(form);
        _cable = new CabledPorts(chosen.Change, chosen.Behaviour, chosen.Model, mtu: 9000);
        return (_cable.Open(_cable.NearName), _cable.Open(_cable.FarName, options => options with { RxQueues = 1, Metadata = metadata }));
    }

    private void Send(RdmaPort port, byte[] frame, Func<BufferHeader, BufferHeader> change)
    {
        Assert.True(_cable.Pool.TryTake(out BufferIndex buffer));
        _cable.Pool.SetChain(buffer, frame);
        ref BufferHeader header = ref _cable.Pool.Header(buffer);
        header = change(header);
        Assert.Equal(1, port.TxQueues[0].Send([buffer]));
        _cable.Run();
        port.TxQueues[0].Reclaim();
    }

    private BufferHeader[] Headers(RdmaPort port)
    {
        var buffers = new BufferIndex[64];
        int count = port.RxQueues[0].Receive(buffers);
        BufferHeader[] headers = [.. buffers.Take(count).Select(buffer => _cable.Pool.Header(buffer))];
        _cable.Pool.ReturnPackets(buffers.AsSpan(0, count));
        return headers;
    }

    private static byte[] Tcp(MacAddress destination, int payloadBytes)
    {
        byte[] frame = new byte[HeaderBytes + payloadBytes];
        new Random(payloadBytes).NextBytes(frame);
        CabledPorts.Frame(destination, etherType: EtherType.Ip4).AsSpan(0, EthernetHeader.Size).CopyTo(frame);
        Span<byte> ip = frame.AsSpan(EthernetHeader.Size);
        Convert.FromHexString("45000000000140004006000001010101020202020400005000000001000000005010ffff00000000").CopyTo(ip);
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum.Compute(ip[..Ip4Header.Size]));
        ulong pseudo = Checksum.Sum(ip.Slice(12, 8), Checksum.Sum([0, 6, (byte)((ip.Length - 20) >> 8), (byte)(ip.Length - 20)]));
        BinaryPrimitives.WriteUInt16BigEndian(ip[36..], Checksum.Compute(ip[Ip4Header.Size..], pseudo));
        return frame;
    }
}
