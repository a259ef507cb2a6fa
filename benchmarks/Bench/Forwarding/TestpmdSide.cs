using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Verbena.Bench.Forwarding;

/// <summary>DPDK's testpmd with its mlx5 driver on such NICs of its own, in a process that is stopped while others are measured.</summary>
internal sealed partial class TestpmdSide : ForwardingSide
{
    private const string Prompt = "testpmd> ";
    private const int Stop = 19; // SIGSTOP
    private const int Continue = 18; // SIGCONT
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private long _answered; // when the answer to the last command began

    /// <summary>Starts it.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="firstPort">Its NICs' first port, and the one behind it, which no other uses.</param>
    /// <param name="driver">Options of the mlx5 driver, each with a comma before it.</param>
    /// <exception cref="InvalidOperationException">It is not installed, or does not start.</exception>
    public TestpmdSide(string name, int firstPort, string driver)
        : base(name)
    {
        const string Program = "/usr/bin/dpdk-testpmd";
        if (!File.Exists(Program))
        {
            throw new InvalidOperationException($"{Program} is missing: apt-get install dpdk-dev");
        }

        // Processor 0 is the loop's; the NIC's thread finds the other one idle. Processor 1's main thread waits for commands.
        _process = Process.Start(new ProcessStartInfo(Path.GetFullPath("verbena"), // ./bench has made the root of the repository the working directory
        [
            "nic", "run", "--private", .. NicPair.Arguments(firstPort), "--", "stdbuf", "-oL", Program,
            "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry", "--iova-mode=va", "--log-level=*:error", "--lcores=0@0,1@1",
            "--allow", Device(firstPort), "--allow", Device(firstPort + 1),
            "--", "--interactive", "--forward-mode=io", "--nb-cores=1", "--burst=64", "--rxd=1024", "--txd=1024", "--total-num-mbufs=8192",
            "--no-flush-rx", "--no-numa", "--record-core-cycles",
        ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        AwaitPrompt();
        Signal(Stop);

        string Device(int port) => string.Create(CultureInfo.InvariantCulture, $"0000:5e:00.{port}{driver}");
    }

    public override ForwardingResult Measure(TimeSpan time)
    {
        Signal(Continue);
        Command("start");
        long start = Stopwatch.GetTimestamp();
        Thread.Sleep(time);
        string answer = Command("stop");
        double seconds = Stopwatch.GetElapsedTime(start, _answered).TotalSeconds; // until then it forwards; its main thread may wait for the NIC's processor
        Signal(Stop);
        Match cycles = Cycles().Match(answer);
        Match port = SecondPort().Match(answer);
        return new ForwardingResult(
            Number(port, "sent") / seconds / 1e6,
            Number(cycles, "cycles") * 1e3 / Number(cycles, "megahertz"),
            Missed: double.NaN, // DPDK reads it from a file that is written anew only now and then
            NicIdle: double.NaN);
    }

    public override void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static double Number(Match match, string group) => match.Success
        ? double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture)
        : throw new InvalidOperationException($"testpmd does not tell its {group}");

    private string Command(string command)
    {
        _process.StandardInput.WriteLine(command);
        return AwaitPrompt();
    }

    private string AwaitPrompt()
    {
        _output.Clear();
        char[] part = new char[1024];
        while (!_output.ToString().EndsWith(Prompt, StringComparison.Ordinal))
        {
            Task<int> reading = _process.StandardOutput.ReadAsync(part).AsTask();
            if (!reading.Wait(s_patience) || reading.Result is not (> 0 and int count))
            {
                throw new InvalidOperationException($"testpmd does not answer: {_output}");
            }

            _answered = _output.Length == 0 ? Stopwatch.GetTimestamp() : _answered;
            _output.Append(part, 0, count);
        }

        return _output.ToString();
    }

    private void Signal(int signal) => _ = kill(_process.Id, signal);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [GeneratedRegex(@"statistics for port 1.*?TX-packets: (?<sent>\d+)", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex SecondPort();

    [GeneratedRegex(@"CPU cycles/packet=(?<cycles>[\d.]+).*?at (?<megahertz>\d+) MHz", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Cycles();
}
