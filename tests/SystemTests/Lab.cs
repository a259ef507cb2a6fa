using System.Diagnostics;
using System.Globalization;

namespace Verbena.SystemTests;

/// <summary>
/// The quickstart's two machines: one runs Verbena with an emulated NIC, enp94s0f0, whose cable ends at the other, an ordinary
/// Linux host with eth0, 1.1.1.100/24.
/// </summary>
public sealed class Lab : IDisposable
{
    private readonly Daemon _daemon;

    /// <summary>Starts the daemon.</summary>
    /// <param name="options">More options for it.</param>
    public Lab(params string[] options)
    {
        Host = NetworkNamespace.Create();
        Remote = Host.CreateNeighbour();
        foreach (NetworkNamespace end in new[] { Host, Remote })
        {
            // Linux talks IPv6 by itself, whenever it likes; here only what a test sends is on the wire.
            end.Run("sh", "-c", "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
        }

        Host.Run("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "eth0", "netns", Remote.ProcessId.ToString(CultureInfo.InvariantCulture));
        Host.Run("ip", "link", "set", "cable0", "up");
        Remote.Run("ip", "addr", "add", "1.1.1.100/24", "dev", "eth0");
        Remote.Run("ip", "link", "set", "eth0", "up");
        _daemon = new Daemon(Host, ["--emulated-nic", "enp94s0f0,wire=if:cable0", .. options]);
    }

    public NetworkNamespace Host { get; }

    public NetworkNamespace Remote { get; }

    public string Socket => _daemon.Socket;

    public int DaemonId => _daemon.ProcessId;

    public bool DaemonIsAlive => _daemon.IsAlive;

    /// <summary>Types the quickstart's three commands.</summary>
    public Lab WithRdma0()
    {
        Ctl("create int rdma host-if enp94s0f0 name rdma-0");
        Ctl("set int ip addr rdma-0 1.1.1.1/24");
        Ctl("set int st rdma-0 up");
        return this;
    }

    /// <summary>Pings once from the far end, and then fast. Returns what the second ping says.</summary>
    /// <remarks>While a neighbor is asked for its address only four packets to it wait. And ping itself waits for the last answer only as long as from one to the next.</remarks>
    public string PingFast(string address, int count, params string[] options)
    {
        Remote.Run("ping", "-c", "1", "-W", "10", address);
        return Remote.Run(["ping", "-c", count.ToString(CultureInfo.InvariantCulture), "-i", "0.05", .. options, address]);
    }

    /// <summary>One command, which must succeed. Returns its answer.</summary>
    public string Ctl(string command) => _daemon.Ctl(command);

    /// <summary>One command, whatever comes of it.</summary>
    public CommandResult TryCtl(string command) => _daemon.TryCtl(command);

    /// <summary>One command by <c>verbena ctl</c> itself, whatever comes of it.</summary>
    public CommandResult TypeCtl(string command) => _daemon.TypeCtl(command);

    /// <summary>Waits for something that another process is about to do; fails the test if it does not.</summary>
    public static void WaitUntil(Func<bool> condition)
    {
        Stopwatch waiting = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waiting.Elapsed < TimeSpan.FromSeconds(30), "it did not happen within 30 seconds");
            Thread.Sleep(20);
        }
    }

    /// <summary>Ends the daemon as a service manager does, and returns what it has logged.</summary>
    public string Stop() => _daemon.Stop();

    /// <summary>
    /// Closes the books of each emulated port: what came from wire, Linux and queues, and the copies made of it, must be what went to
    /// them and what was dropped under a name. Frames may be on their way while we look, so it looks until they rest.
    /// </summary>
    public void ExpectBalancedBooks() => WaitUntil(() => PortBooks.All(Ctl("show emulated-nic")).All(port => port.AreBalanced));

    public void Dispose()
    {
        try
        {
            if (DaemonIsAlive)
            {
                ExpectBalancedBooks();
            }

            Assert.DoesNotContain("conformance", Stop(), StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            _daemon.Dispose();
            Remote.Dispose();
            Host.Dispose();
        }
    }
}
