using System.Globalization;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>A router with two ports and a clock that only tests move; worker and control thread take turns on the test's thread.</summary>
/// <remarks>Left: 10.0.0.1/24, a host .2 there. Right: 10.0.1.1/24, a host .2 there. The hosts are not known as neighbors yet.</remarks>
internal sealed class TestRouter : IDisposable
{
    public const string LeftMac = "02:00:00:00:00:01";
    public const string RightMac = "02:00:00:00:01:01";
    public const string LeftHostMac = "02:00:00:00:00:02";
    public const string RightHostMac = "02:00:00:00:01:02";
    public const string LeftAddress = "10.0.0.1";
    public const string RightAddress = "10.0.1.1";
    public const string LeftHost = "10.0.0.2";
    public const string RightHost = "10.0.1.2";
    public const long Second = 1_000_000_000;

    public TestRouter(int buffers = 2048, int leftTxCapacity = int.MaxValue)
    {
        Buffers = new BufferPool(buffers);
        Router = new Router(Buffers);
        LeftPort = new TestPort(Buffers, "left", LeftMac, leftTxCapacity);
        RightPort = new TestPort(Buffers, "right", RightMac);
        Left = Configure(LeftPort, LeftAddress + "/24");
        Right = Configure(RightPort, RightAddress + "/24");
        Run();
        LeftPort.Sent.Clear(); // the announcements of the addresses
        RightPort.Sent.Clear();
        Router.ClearErrors();
        Router.Interfaces.ClearCounters();
    }

    public BufferPool Buffers { get; }

    public Router Router { get; }

    public TestPort LeftPort { get; }

    public TestPort RightPort { get; }

    public Interface Left { get; }

    public Interface Right { get; }

    /// <summary>The clock, in nanoseconds.</summary>
    public long Now { get; private set; } = Second;

    public static Ip4Prefix Prefix(string text) =>
        Ip4Prefix.TryParse(text, out Ip4Prefix prefix) ? prefix : throw new FormatException(text);

    /// <summary>Makes both hosts neighbors, as ARP would.</summary>
    public TestRouter WithNeighbors()
    {
        Router.Ip4.AddNeighbor(Left, Ip4Address.Parse(LeftHost), MacAddress.Parse(LeftHostMac));
        Router.Ip4.AddNeighbor(Right, Ip4Address.Parse(RightHost), MacAddress.Parse(RightHostMac));
        return this;
    }

    /// <summary>Runs worker and control thread until both have nothing to do at this time.</summary>
    public void Run()
    {
        do
        {
            Router.Maintain(Now);
        }
        while (Router.Workers[0].RunOnce(Now));
    }

    public void Advance(long nanoseconds)
    {
        Now += nanoseconds;
        Run();
    }

    /// <summary>A frame arrives, and everything that follows from it happens.</summary>
    public void Receive(TestPort port, byte[] frame)
    {
        port.Arriving.Enqueue(frame);
        Run();
    }

    public ulong Count(string node, Reason reason) =>
        Router.Errors.SingleOrDefault(error => error.Node == node && error.Reason == reason).Count;

    /// <summary>Fails unless the frame was dropped: nothing was sent, and exactly this was counted.</summary>
    public void ExpectOnly(string node, Reason reason)
    {
        Assert.Empty(LeftPort.Sent);
        Assert.Empty(RightPort.Sent);
        ErrorCount only = Assert.Single(Router.Errors);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"1 {node}: {reason}"), $"{only.Count} {only.Node}: {only.Reason}");
    }

    /// <summary>Every buffer must be back in the pool or wait for a neighbor.</summary>
    public void ExpectNoLeak() => Assert.Equal(Buffers.Count - Router.Workers[0].Graph.HeldCount, Buffers.FreeCount);

    public void Dispose()
    {
        Router.Dispose();
        Assert.Equal(Buffers.Count, Buffers.FreeCount);
        LeftPort.Dispose();
        RightPort.Dispose();
        Buffers.Dispose();
    }

    private Interface Configure(TestPort port, string address)
    {
        Interface added = Router.Interfaces.Add(port);
        Router.Interfaces.SetAdminUp(added, up: true);
        Router.Ip4.AddAddress(added, Prefix(address));
        return added;
    }
}
