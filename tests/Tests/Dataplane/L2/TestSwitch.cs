using System.Runtime.InteropServices;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

/// <summary>A router with four ports that are up, none of which has an address, and a host behind each.</summary>
internal sealed class TestSwitch : IDisposable
{
    public const long Minute = 60_000_000_000;

    public TestSwitch(int buffers = 512, int maxFrameBytes = 1514, int txCapacity = int.MaxValue)
    {
        Buffers = new BufferPool(buffers);
        Router = new Router(Buffers);
        Ports = [.. Enumerable.Range(0, 4).Select(number => new TestPort(Buffers, "port" + number, $"02:00:00:00:00:1{number}", txCapacity, maxFrameBytes))];
        Interfaces = [.. Ports.Select(Router.Interfaces.Add)];
        foreach (Interface added in Interfaces)
        {
            Router.Interfaces.SetAdminUp(added, up: true);
        }
    }

    public BufferPool Buffers { get; }

    public Router Router { get; }

    public Bridging Bridging => Router.Bridging;

    public TestPort[] Ports { get; }

    public Interface[] Interfaces { get; }

    /// <summary>The clock, in nanoseconds.</summary>
    public long Now { get; private set; } = Minute;

    /// <summary>The Ethernet address of the host behind a port.</summary>
    public static MacAddress Host(int port) => MacAddress.Parse($"02:00:00:00:00:2{port}");

    /// <summary>A frame with a recognisable payload.</summary>
    public static byte[] Frame(MacAddress destination, MacAddress source, VlanTag[]? tags = null, int payloadBytes = 46)
    {
        tags ??= [];
        byte[] frame = new byte[EthernetHeader.Size + (tags.Length * VlanTag.Size) + payloadBytes];
        destination.CopyTo(frame);
        source.CopyTo(frame.AsSpan(6));
        tags.AsSpan().CopyTo(MemoryMarshal.Cast<byte, VlanTag>(frame.AsSpan(VlanTag.Offset, tags.Length * VlanTag.Size)));
        Span<byte> rest = frame.AsSpan(VlanTag.Offset + (tags.Length * VlanTag.Size));
        MemoryMarshal.Write(rest, new Be16(EtherType.Ip6)); // layer 2 does not care what it carries
        for (int i = 2; i < rest.Length; i++)
        {
            rest[i] = (byte)(i * 7);
        }

        return frame;
    }

    public static VlanTag Tag(int id) => new(EtherType.Vlan, id);

    /// <summary>Makes a bridge domain of the first ports.</summary>
    public BridgeDomain Bridge(int members = 4, int id = 10)
    {
        BridgeDomain domain = Bridging.Create(id);
        foreach (Interface member in Interfaces.Take(members))
        {
            Bridging.Join(member, domain);
        }

        return domain;
    }

    /// <summary>A frame arrives, and everything that follows from it happens. What was sent before is forgotten.</summary>
    public void Receive(int port, byte[] frame)
    {
        Run();
        foreach (TestPort each in Ports)
        {
            each.Sent.Clear();
        }

        Ports[port].Arriving.Enqueue(frame);
        Run();
        Assert.Equal(Buffers.Count - Router.Workers[0].Graph.HeldCount, Buffers.FreeCount);
    }

    /// <summary>A frame from one host to another.</summary>
    public void Send(int from, int to) => Receive(from, Frame(Host(to), Host(from)));

    /// <summary>Each host says something, so that its address is learned.</summary>
    public void LearnAll()
    {
        for (int i = 0; i < Ports.Length; i++)
        {
            Receive(i, Frame(MacAddress.Broadcast, Host(i)));
        }

        Router.ClearErrors();
    }

    /// <summary>Which ports have sent something since the last frame arrived; one that sent twice is named twice.</summary>
    public string SentBy() => string.Join(' ', Ports.SelectMany((port, number) => Enumerable.Repeat(number, port.Sent.Count)));

    /// <summary>Fails unless nothing was sent, and this is the reason.</summary>
    public void ExpectDropped(string node, Reason reason)
    {
        Assert.Equal("", SentBy());
        Assert.Equal(1ul, Count(node, reason));
    }

    public ulong Count(string node, Reason reason) =>
        Router.Errors.SingleOrDefault(error => error.Node == node && error.Reason == reason).Count;

    public void Advance(long nanoseconds)
    {
        Now += nanoseconds;
        Run();
    }

    public void Run()
    {
        do
        {
            Router.Maintain(Now);
        }
        while (Router.Workers[0].RunOnce(Now));
        Router.Maintain(Now); // what the last turn has reported
    }

    public void Dispose()
    {
        Router.Dispose();
        Assert.Equal(Buffers.Count, Buffers.FreeCount);
        foreach (TestPort port in Ports)
        {
            port.Dispose();
        }

        Buffers.Dispose();
    }
}
