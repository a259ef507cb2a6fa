using System.Diagnostics;
using System.Text.Json;

namespace Verbena.SystemTests;

/// <summary>iperf3 from one Linux host to the other, with Verbena between them.</summary>
public sealed class Iperf3Tests
{
    [Theory]
    [InlineData("bridge", 1500)]
    [InlineData("bridge", 9000)]
    [InlineData("router", 1500)]
    [InlineData("router", 9000)]
    public void TCP_and_UDP_pass_in_both_directions(string between, int mtu)
    {
        using SwitchLab lab = new(mtu);
        bool isBridge = string.Equals(between, "bridge", StringComparison.Ordinal);
        _ = isBridge ? lab.WithBridge() : lab.WithRouter();
        string server = isBridge ? "10.0.0.3" : "10.0.1.3";
        lab.ExpectPing(0, server, "-s", $"{mtu - 28}", "-M", "do"); // the longest packet, whole

        // A receiver stops counting when its sender has handed over all, so what a window holds may be missing.
        foreach (string[] direction in (string[][])[[], ["--reverse"]])
        {
            Assert.InRange(Received(lab, server, ["--bytes", "16M", "--window", "256K", .. direction]), 15 << 20, 17 << 20);
        }

        // UDP may be lost where a queue is full; what arrives must be most of it.
        Assert.True(Received(lab, server, ["--udp", "--bitrate", "20M", "--bytes", "2M", "--length", $"{mtu - 52}"]) > 1 << 20, "most datagrams arrive");
        Assert.Empty(lab.Drops());
    }

    /// <summary>Runs a client against a server of its own, and returns how many bytes the receiver has got.</summary>
    private static long Received(SwitchLab lab, string server, params string[] options)
    {
        using Process listener = lab.Hosts[1].StartProgram("timeout", "60", "iperf3", "--server", "--one-off", "--forceflush", "--bind", server);
        while (listener.StandardOutput.ReadLine() is { } line && !line.Contains("listening", StringComparison.OrdinalIgnoreCase))
        {
        }

        string report = lab.Hosts[0].Run(["timeout", "60", "iperf3", "--client", server, "--json", .. options]);
        listener.WaitForExit();
        JsonElement end = JsonDocument.Parse(report).RootElement.GetProperty("end");
        JsonElement sum = end.GetProperty(end.TryGetProperty("sum_received", out _) ? "sum_received" : "sum");
        bool isUdp = sum.TryGetProperty("lost_packets", out JsonElement lost);
        return !isUdp ? sum.GetProperty("bytes").GetInt64()
            : sum.GetProperty("bytes").GetInt64() * (sum.GetProperty("packets").GetInt64() - lost.GetInt64()) / sum.GetProperty("packets").GetInt64();
    }
}
