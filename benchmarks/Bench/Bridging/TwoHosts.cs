using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Verbena.Bench.Bridging;

/// <summary>Two Linux hosts in network namespaces of their own, whose eth0 are the far ends of cable0 and cable1 in this one.</summary>
internal sealed class TwoHosts : IDisposable
{
    private const string Server = "10.0.0.3";
    private readonly Process[] _holders = [Hold(), Hold()];

    public TwoHosts()
    {
        for (int i = 0; i < 2; i++)
        {
            string id = Number(_holders[i].Id);
            Command.Run("ip", "link", "add", $"cable{i}", "type", "veth", "peer", "name", "eth0", "netns", id);
            Command.Run("ip", "link", "set", $"cable{i}", "up");
            Command.Run([.. On(i), "ip", "addr", "add", $"10.0.0.{2 + i}/24", "dev", "eth0"]);
            Command.Run([.. On(i), "ip", "link", "set", "eth0", "up"]);
        }
    }

    /// <summary>Sets the MTU of both cables, and into how many segments a host may leave a TCP packet to be cut.</summary>
    public void Configure(int mtu, int maxSegments)
    {
        for (int i = 0; i < 2; i++)
        {
            Command.Run("ip", "link", "set", $"cable{i}", "mtu", Number(mtu));
            Command.Run([.. On(i), "ip", "link", "set", "eth0", "mtu", Number(mtu), "gso_max_segs", Number(maxSegments)]);
        }
    }

    /// <summary>Waits until one host reaches the other.</summary>
    /// <exception cref="InvalidOperationException">It does not within half a minute.</exception>
    public void AwaitConnection()
    {
        for (int i = 0; i < 60; i++)
        {
            if (Command.TryRun([.. On(0), "ping", "-c", "1", "-W", "0.5", Server]) is not null)
            {
                return;
            }
        }

        throw new InvalidOperationException("the hosts do not reach each other");
    }

    /// <summary>Lets iperf3 send from one host to the other. Returns what arrived, in Gbit a second.</summary>
    public double Measure(int seconds, params string[] options)
    {
        using Process server = Command.Start([.. On(1), "iperf3", "--server", "--one-off", "--forceflush", "--bind", Server]);
        while (server.StandardOutput.ReadLine() is { } line && !line.Contains("listening", StringComparison.OrdinalIgnoreCase))
        {
        }

        string report = Command.Run([.. On(0), "iperf3", "--client", Server, "--json", "--time", Number(seconds), .. options]);
        server.WaitForExit();
        JsonElement end = JsonDocument.Parse(report).RootElement.GetProperty("end");
        if (end.TryGetProperty("sum_received", out JsonElement received))
        {
            return received.GetProperty("bits_per_second").GetDouble() / 1e9;
        }

        JsonElement sum = end.GetProperty("sum");
        return sum.GetProperty("bits_per_second").GetDouble() / 1e9 * (1 - (sum.GetProperty("lost_percent").GetDouble() / 100));
    }

    public void Dispose()
    {
        foreach (Process holder in _holders)
        {
            holder.StandardInput.Close(); // cat ends, and with it the namespace and its end of the cable
            holder.WaitForExit();
            holder.Dispose();
        }
    }

    private static Process Hold()
    {
        Process holder = Command.Start("unshare", "--net", "--", "sh", "-c", "ip link set lo up; echo ready; exec cat");
        _ = holder.StandardOutput.ReadLine();
        return holder;
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private string[] On(int host) => ["nsenter", "--target", Number(_holders[host].Id), "--net", "--"];
}
