using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>./demo as a newcomer runs it.</summary>
public sealed class DemoTests
{
    [Fact]
    public void The_demo_shows_the_quickstart_twice_and_leaves_nothing_behind()
    {
        string before = Traces();
        for (int run = 0; run < 2; run++)
        {
            using Process demo = Start();
            string output = demo.StandardOutput.ReadToEnd();
            demo.WaitForExit();
            Assert.True(demo.ExitCode == 0, output);
            Assert.Contains("verbena# create int rdma host-if enp94s0f0 name rdma-0", output, StringComparison.Ordinal);
            Assert.Contains("from 1.1.1.100: icmp_seq=5", output, StringComparison.Ordinal);
            Assert.Equal(2, Regex.Count(output, " 0% packet loss"));
        }

        Assert.Equal(before, Traces());
    }

    [Theory]
    [InlineData("cable with a Linux host")]
    [InlineData("verbena# ping")]
    public void An_interrupted_demo_leaves_nothing_behind(string interruptedAt)
    {
        string before = Traces();
        using Process demo = Start();
        while (demo.StandardOutput.ReadLine() is string line && !line.Contains(interruptedAt, StringComparison.Ordinal))
        {
        }

        // Ctrl-C reaches the whole foreground process group; setsid has made the demo the leader of one.
        using Process kill = Process.Start("kill", ["-INT", "--", $"-{demo.Id.ToString(CultureInfo.InvariantCulture)}"]);
        kill.WaitForExit();
        demo.StandardOutput.ReadToEnd();
        demo.WaitForExit();
        Assert.NotEqual(0, demo.ExitCode);
        Assert.Equal(before, Traces());
    }

    private static Process Start()
    {
        // A shell starts what runs in the background with SIGINT ignored; whoever types Ctrl-C has not.
        ProcessStartInfo info = new("setsid", ["env", "--default-signal=INT", "./demo"])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        Process demo = Process.Start(info)!;
        demo.StandardInput.Close();
        return demo;
    }

    /// <summary>All that a demo could leave: interfaces, named namespaces, processes, control sockets and folders.</summary>
    private static string Traces()
    {
        using Process ls = Process.Start(new ProcessStartInfo("sh",
            ["-c", "ip -brief link | cut -d' ' -f1; ip netns list; pgrep -af 'verbena (start|ctl)|sleep infinity|/demo'; ls -d /tmp/tmp.* /tmp/verbena* /run/verbena* \"${XDG_RUNTIME_DIR:-/nowhere}\"/verbena* 2>/dev/null"])
        {
            RedirectStandardOutput = true,
        })!;
        string traces = ls.StandardOutput.ReadToEnd();
        ls.WaitForExit();
        return string.Join('\n', traces.Split('\n').Where(line => !line.Contains("pgrep", StringComparison.Ordinal)));
    }
}
