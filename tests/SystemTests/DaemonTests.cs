using System.Globalization;

namespace Verbena.SystemTests;

/// <summary>The daemon in the hands of somebody who types nonsense, and on a host that has no NIC.</summary>
public sealed class DaemonTests
{
    [Fact]
    public void Two_hundred_malformed_commands_are_each_refused_and_change_nothing()
    {
        using Lab lab = new Lab().WithRdma0();
        string before = State(lab);
        string input = Path.Combine(Directory.CreateTempSubdirectory("verbena-lab-").FullName, "nonsense");
        string[] nonsense = [.. Malformed().Take(200)];
        File.WriteAllLines(input, nonsense);

        CommandResult result = lab.Host.Try("sh", "-c", $"./verbena ctl --socket {lab.Socket} < {input}");
        Directory.Delete(Path.GetDirectoryName(input)!, recursive: true);

        Assert.NotEqual(0, result.Status);
        int refusals = result.Output.Split('\n').Count(line => line.Length > 0);
        Assert.True(refusals >= nonsense.Length, $"{refusals} answers to {nonsense.Length} commands:\n{result.Output}");
        Assert.True(lab.DaemonIsAlive);
        Assert.Equal(before, State(lab));
        Assert.Contains("3 sent, 3 received", lab.Ctl("ping 1.1.1.100 repeat 3 interval 0.1"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_command_ends_ctl_with_a_status_that_says_so()
    {
        using Lab lab = new();
        Assert.NotEqual(0, lab.TypeCtl("create int rdma host-if nosuch0 name rdma-0").Status);
        Assert.NotEqual(0, lab.TypeCtl("show nonsense").Status);
        Assert.Equal(0, lab.TypeCtl("show version").Status);
    }

    [Fact]
    public void What_ctl_prints_into_a_pipe_has_no_colour_and_no_paging()
    {
        using Lab lab = new Lab().WithRdma0();
        string answer = lab.TypeCtl("help").Output + lab.TypeCtl("show logging").Output + lab.TypeCtl("show hardware").Output;
        Assert.Contains("rdma-0", answer, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', answer);
        Assert.DoesNotContain("-- more --", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_NIC_creating_an_interface_says_in_one_sentence_what_is_missing()
    {
        using NetworkNamespace host = NetworkNamespace.Create();
        host.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
        CommandResult result = host.Try("sh", "-c", "echo create int rdma host-if eth0 name rdma-0 | ./verbena");
        string sentence = result.Output.Split('\n').Single(line => line.Contains("eth0", StringComparison.Ordinal));
        Assert.Contains("not a port of an RDMA NIC", sentence, StringComparison.Ordinal);
        Assert.Contains("--emulated-nic eth0", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_daemon_on_the_same_socket_is_refused()
    {
        using Lab lab = new();
        CommandResult second = lab.Host.Try("./verbena", "start", "--socket", lab.Socket);
        Assert.NotEqual(0, second.Status);
        Assert.Contains(lab.Socket, second.Output, StringComparison.Ordinal);
        Assert.Equal(0, lab.TryCtl("show version").Status);
    }

    /// <summary>What commands could have changed: all but the counters.</summary>
    private static string State(Lab lab)
    {
        const int CounterColumn = 68;
        IEnumerable<string> interfaces = lab.Ctl("show int").Split('\n').Where(line => line.Length > 0 && line[0] != ' ');
        return lab.Ctl("show int addr") + lab.Ctl("show hardware") + lab.Ctl("show ip fib")
            + string.Join('\n', interfaces.Select(line => line[..Math.Min(CounterColumn, line.Length)].TrimEnd()));
    }

    /// <summary>Valid commands, spoiled by a seeded random source: words lost, doubled, exchanged, cut, or made of noise.</summary>
    private static IEnumerable<string> Malformed()
    {
        string[] commands =
        [
            "create interface rdma host-if enp94s0f0 name rdma-9 rx-queue-size", "create interface rdma host-if", "delete interface rdma",
            "set interface state rdma-0", "set interface ip address rdma-0 1.2.3.4", "set interface mac address rdma-0", "set interface mtu rdma-0",
            "ping 1.1.1", "show interface addr nosuch", "ip route add 10.0.0.0/33 via 1.1.1.100", "exec /nonexistent", "set interface ip address del rdma-0",
        ];
        Random random = new(4);
        while (true)
        {
            string command = commands[random.Next(commands.Length)];
            string noise = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)random.Next(0x21, 0x7F)));
            yield return random.Next(4) switch
            {
                0 => $"{command} {noise}",
                1 => $"{noise} {command}",
                2 => $"{command} {random.NextInt64().ToString(CultureInfo.InvariantCulture)}",
                _ => $"{command} \u00e9\u4e2d{noise} {noise}",
            };
        }
    }
}
