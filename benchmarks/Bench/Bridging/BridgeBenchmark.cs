using System.Diagnostics;

namespace Verbena.Bench.Bridging;

/// <summary>iperf3 between two hosts, through Linux' own bridge and through Verbena with two emulated NICs, by the same cables, in turns.</summary>
internal static class BridgeBenchmark
{
    private const int Rounds = 3;
    private const int OnePacket = 1;
    private const int AsLinuxLikes = 65535;

    private static readonly Case[] s_cases =
    [
        new("TCP, MTU 1500", 1500, AsLinuxLikes),
        new("TCP, MTU 1500, a packet at a time", 1500, OnePacket),
        new("TCP, MTU 9000, a packet at a time", 9000, OnePacket),
        new("UDP, MTU 1500", 1500, AsLinuxLikes, "--udp", "--bitrate", "0", "--length", "1448"),
    ];

    public static void Run(int seconds)
    {
        using TwoHosts hosts = new();
        Console.WriteLine($"iperf3 through a bridge, Gbit a second that arrive, best of {Rounds} turns of {seconds} s each; hosts, NICs and Verbena share {Environment.ProcessorCount} processors.");
        Console.WriteLine("  Linux passes packets of 64 KB from cable to cable as they are; 'a packet at a time' keeps hosts from making them.");
        Console.WriteLine($"    {"",-36}{"Linux",8}{"Verbena",9}{"ratio",7}");
        foreach (Case item in s_cases)
        {
            hosts.Configure(item.Mtu, item.MaxSegments);
            double linux = 0;
            double verbena = 0;
            for (int round = 0; round < Rounds; round++)
            {
                linux = Math.Max(linux, ThroughLinux(hosts, seconds, item));
                verbena = Math.Max(verbena, ThroughVerbena(hosts, seconds, item));
            }

            Console.WriteLine($"    {item.Name,-36}{linux,8:F2}{verbena,9:F2}{verbena / linux,7:F3}");
        }

        Console.WriteLine();
    }

    private static double ThroughLinux(TwoHosts hosts, int seconds, Case item)
    {
        Command.Run("ip", "link", "add", "bridge0", "type", "bridge");
        try
        {
            Command.Run("ip", "link", "set", "cable0", "master", "bridge0");
            Command.Run("ip", "link", "set", "cable1", "master", "bridge0");
            Command.Run("ip", "link", "set", "bridge0", "up");
            hosts.AwaitConnection();
            return hosts.Measure(seconds, item.Options);
        }
        finally
        {
            Command.Run("ip", "link", "del", "bridge0");
        }
    }

    private static double ThroughVerbena(TwoHosts hosts, int seconds, Case item)
    {
        using Process verbena = Command.Start("./verbena",
            "--emulated-nic", $"nic0,wire=if:cable0,mtu={item.Mtu}", "--emulated-nic", $"nic1,wire=if:cable1,mtu={item.Mtu}");
        Task<string> said = verbena.StandardOutput.ReadToEndAsync();
        try
        {
            for (int port = 0; port < 2; port++)
            {
                verbena.StandardInput.WriteLine($"create interface rdma host-if nic{port} name port{port}");
                verbena.StandardInput.WriteLine($"set interface l2 bridge port{port} 10");
                verbena.StandardInput.WriteLine($"set interface state port{port} up");
            }

            hosts.AwaitConnection();
            return hosts.Measure(seconds, item.Options);
        }
        finally
        {
            verbena.StandardInput.Close(); // the end of its input is the end of the session
            verbena.WaitForExit();
            _ = said.GetAwaiter().GetResult();
        }
    }

    /// <summary>What is measured.</summary>
    private sealed record Case(string Name, int Mtu, int MaxSegments, params string[] Options);
}
