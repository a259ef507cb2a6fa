using Verbena.Dataplane.Ping;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The data plane as the control thread sees it: interfaces, addresses, neighbors, counters, ping.</summary>
/// <remarks>
/// One thread at a time calls it, the control thread; another runs <see cref="Worker"/>. Reading never stops the worker.
/// What it refuses changes nothing and throws a <see cref="RouterException"/>.
/// </remarks>
public sealed class Router : IDisposable
{
    /// <summary>Makes a router that takes the buffers of packets it originates from <paramref name="buffers"/>, where its ports take theirs.</summary>
    public Router(BufferPool buffers) => Buffers = buffers;

    public BufferPool Buffers { get; }

    /// <summary>Moves the packets: some thread has to call its <see cref="Worker.RunOnce"/> again and again.</summary>
    public Worker Worker { get; } = new();

    /// <summary>All interfaces by ascending index, <c>local0</c> first.</summary>
    public IReadOnlyList<Interface> Interfaces => throw new NotSupportedException();

    /// <summary>All prefixes of the IPv4 forwarding table, sorted by address, then length.</summary>
    public IReadOnlyList<FibEntry> FibEntries => throw new NotSupportedException();

    /// <summary>All neighbors, sorted by interface, then address.</summary>
    public IReadOnlyList<Neighbor> Neighbors => throw new NotSupportedException();

    /// <summary>The counters of <c>show errors</c> that are not zero, in the order of their nodes.</summary>
    public IReadOnlyList<ErrorCount> Errors => throw new NotSupportedException();

    /// <summary>
    /// Stops the worker between two turns until the result is disposed. Whoever makes or disposes a <see cref="Port"/> needs it,
    /// for the port takes buffers from the pool. May be nested.
    /// </summary>
    public IDisposable Park() => throw new NotSupportedException();

    /// <summary>The interface with exactly this name, or null.</summary>
    public Interface? FindInterface(string name) => throw new NotSupportedException();

    /// <summary>Puts an interface on a port, down, under the port's name. The port stays the caller's to dispose, after <see cref="Remove"/>.</summary>
    public Interface AddInterface(Port port) => throw new NotSupportedException();

    /// <summary>Takes an interface away, with its addresses, routes, neighbors and the packets that wait for it.</summary>
    public void Remove(Interface target) => throw new NotSupportedException();

    public void SetAdminUp(Interface target, bool up) => throw new NotSupportedException();

    public void AddAddress(Interface target, Ip4Prefix address) => throw new NotSupportedException();

    public void RemoveAddress(Interface target, Ip4Prefix address) => throw new NotSupportedException();

    public void SetMacAddress(Interface target, MacAddress address) => throw new NotSupportedException();

    /// <summary>Sets the longest IPv4 packet that the interface sends, from <see cref="Interface.MinMtu"/> to <see cref="Interface.MaxMtu"/> bytes.</summary>
    public void SetMtu(Interface target, int bytes) => throw new NotSupportedException();

    public void AddNeighbor(Interface target, Ip4Address address, MacAddress macAddress) => throw new NotSupportedException();

    public void RemoveNeighbor(Interface target, Ip4Address address) => throw new NotSupportedException();

    /// <summary>Adds or replaces the route to <paramref name="prefix"/> by way of a next hop on a connected network.</summary>
    public void AddRoute(Ip4Prefix prefix, Ip4Address nextHop) => throw new NotSupportedException();

    public void RemoveRoute(Ip4Prefix prefix) => throw new NotSupportedException();

    public void ClearInterfaceCounters() => throw new NotSupportedException();

    public void ClearErrors() => throw new NotSupportedException();

    /// <summary>What the nodes have done since <see cref="ClearRuntime"/>.</summary>
    /// <param name="now">The clock of <see cref="Maintain"/>.</param>
    public RuntimeSnapshot ReadRuntime(long now) => throw new NotSupportedException();

    public void ClearRuntime(long now) => throw new NotSupportedException();

    /// <summary>Starts to ping; <see cref="Maintain"/> carries it on.</summary>
    /// <exception cref="RouterException">The options make no sense: an unknown source, a size that fits no buffer.</exception>
    public PingSession StartPing(PingOptions options) => throw new NotSupportedException();

    /// <summary>Does what is due: records what the worker has learned, ages neighbors, sends echo requests. Called every millisecond.</summary>
    /// <param name="now">A monotonic clock in nanoseconds, the same that <see cref="Worker.RunOnce"/> is given.</param>
    public void Maintain(long now) => throw new NotSupportedException();

    /// <summary>Removes all interfaces and returns all buffers. The worker's thread must have ended.</summary>
    public void Dispose() => throw new NotSupportedException();
}
