using Verbena.Driver;
using Verbena.Interop;
using Verbena.Packets;
using Verbena.Tests.Emulator;

namespace Verbena.Tests.Driver;

/// <summary>The key and the table by which the NIC spreads packets over a port's queues, changed while it is up.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class RssTests : IDisposable
{
    private const int Flows = 64;
    private const byte IpTcp = 6;
    private readonly CabledPorts _cable = new();
    private readonly RdmaPort _near;
    private readonly RdmaPort _far;

    public RssTests()
    {
        _near = _cable.Open(_cable.NearName);
        _far = _cable.Open(_cable.FarName, options => options with { RxQueues = 4 });
    }

    public void Dispose() => _cable.Dispose();

    [Fact]
    public void A_table_says_which_queues_get_packets()
    {
        _far.SetRss(_far.Rss with { Table = _far.RssTableOver([1, 3]) });
        int[] counts = [.. SendFlows().Select(frames => frames.Count)];
        Assert.Equal((0, 0, Flows), (counts[0], counts[2], counts[1] + counts[3]));
        Assert.All([counts[1], counts[3]], count => Assert.InRange(count, 1, Flows - 1));

        _far.SetRss(_far.Rss with { Table = [2] });
        Assert.Equal(Flows, SendFlows()[2].Count);
    }

    [Fact]
    public void Another_key_spreads_flows_otherwise_and_the_old_one_as_before()
    {
        string before = Spread();
        _far.SetRss(_far.Rss with { Key = [.. Enumerable.Range(1, RssSettings.KeyBytes).Select(i => (byte)(i * 37))] });
        Assert.NotEqual(before, Spread(), StringComparer.Ordinal);
        _far.SetRss(_far.Rss with { Key = RssSettings.DefaultKey });
        Assert.Equal(before, Spread());
    }

    [Fact]
    public void Whatever_the_NIC_refuses_packets_are_spread_as_before()
    {
        RssSettings before = _far.Rss;
        string spread = Spread();
        for (int command = 1; ; command++)
        {
            _cable.Nics.Faults.Reset();
            _cable.Nics.Faults.FailCommand(command, (int)Errno.ENOSPC);
            try
            {
                _far.SetRss(before with { Table = [0] });
                break;
            }
            catch (VerbsException)
            {
                _cable.Nics.Faults.Reset();
                Assert.Same(before, _far.Rss);
                Assert.Equal(spread, Spread());
            }
        }

        Assert.True(_cable.Nics.Faults.Seen.Count > 6, "a table, two queue pairs and four rules are made");
        Assert.Equal(Flows, SendFlows()[0].Count);
    }

    [Theory]
    [InlineData(39, new[] { 0 }, "a key of 39 bytes is not allowed: the NIC hashes with 40")]
    [InlineData(40, new[] { 0, 1, 2 }, "a table of 3 entries is not allowed: the NIC takes a power of two up to 2048")]
    [InlineData(40, new[] { 0, 4 }, "PORT has the receive queues 0 to 3, and can't spread packets over others")]
    public void What_makes_no_sense_is_refused_in_one_sentence(int keyBytes, int[] table, string sentence) => Assert.Equal(
        sentence.Replace("PORT", _far.Name, StringComparison.Ordinal),
        Assert.Throws<RdmaException>(() => _far.SetRss(new RssSettings(new byte[keyBytes], table))).Message);

    /// <summary>Sends a packet of each flow, and returns what the far port's queues got.</summary>
    private List<byte[]>[] SendFlows()
    {
        _cable.Send(_near, [.. Enumerable.Range(0, Flows).Select(Flow)]);
        return [.. _far.RxQueues.Select(_cable.Receive)];
    }

    private string Spread() => string.Join(' ', SendFlows().Select(frames => string.Join(',', frames.Select(frame => frame[33]))));

    /// <summary>A TCP segment; flows differ in the last byte of the destination address.</summary>
    private byte[] Flow(int flow)
    {
        byte[] frame = CabledPorts.Frame(_far.MacAddress, etherType: EtherType.Ip4);
        byte[] header = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, IpTcp, 0, 0, 10, 0, 0, 1, 10, 0, 1, (byte)flow];
        header.CopyTo(frame, 14);
        return frame;
    }
}
