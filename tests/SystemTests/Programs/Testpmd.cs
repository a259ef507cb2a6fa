using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary>DPDK's testpmd with its mlx5 driver, as Debian has it, below <c>verbena nic run</c>; it is given commands at its prompt.</summary>
internal sealed class Testpmd : IDisposable
{
    private const string Prompt = "testpmd> ";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-testpmd-").FullName;
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Task _reading;
    private readonly int _sharedPorts;
    private int _answered; // what was printed up to here belongs to commands before

    private Testpmd(NetworkNamespace host, int sharedPorts, string[] nic, string[] testpmd)
    {
        _sharedPorts = sharedPorts;
        Assert.True(File.Exists("/usr/bin/dpdk-testpmd"), "dpdk-testpmd is missing: apt-get install dpdk-dev");
        _process = host.StartInteractive(["./verbena", "nic", "run", .. nic, "--log", LogPath, "--", "stdbuf", "-oL", "dpdk-testpmd", .. testpmd]);
        _reading = Task.WhenAll(Read(_process.StandardOutput), Read(_process.StandardError));
        AwaitPrompt();
    }

    /// <summary>All that it has printed.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private string LogPath => Path.Combine(_folder, "nic.log");

    /// <summary>Starts it and waits for its prompt.</summary>
    /// <param name="host">A host without traffic of its own.</param>
    /// <param name="wires">One for each port: enp94s0f0, enp94s0f1 …, whose address is 02:00:00:00:00:01, 02 ….</param>
    /// <param name="driver">Options of the mlx5 driver.</param>
    /// <param name="options">Options of testpmd itself.</param>
    /// <param name="isPrivate">Whether the ports are inside the process.</param>
    /// <param name="behaviour">Further options of the NICs, each with a comma before it.</param>
    public static Testpmd Start(NetworkNamespace host, IReadOnlyList<string> wires, string driver = "", IReadOnlyList<string>? options = null,
        bool isPrivate = false, string behaviour = "")
    {
        var nic = new List<string>();
        var testpmd = new List<string>
        {
            "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry", "--iova-mode=va", "--log-level=pmd.net.mlx5:debug",
            string.Create(CultureInfo.InvariantCulture, $"--lcores=(0,1)@(0-{Environment.ProcessorCount - 1})"),
        };
        for (int i = 0; i < wires.Count; i++)
        {
            nic.Add("--nic");
            nic.Add(string.Create(CultureInfo.InvariantCulture, $"enp94s0f{i},mac=02:00:00:00:00:{i + 1:x2},wire={wires[i]}{behaviour}"));
            testpmd.Add("--allow");
            testpmd.Add(string.Create(CultureInfo.InvariantCulture, $"0000:5e:00.{i}{(driver.Length > 0 ? "," : "")}{driver}"));
        }

        if (isPrivate)
        {
            nic.Add("--private");
        }

        return new Testpmd(host, isPrivate ? 0 : wires.Count, [.. nic], [.. testpmd, "--", "--interactive", "--total-num-mbufs=8192", "--rxd=256", "--txd=256", "--no-flush-rx", .. options ?? []]);
    }

    /// <summary>Gives commands, and returns what the last of them prints.</summary>
    public string Command(params string[] commands)
    {
        string answer = "";
        foreach (string command in commands)
        {
            _process.StandardInput.WriteLine(command);
            answer = AwaitPrompt();
        }

        return answer;
    }

    /// <summary>What it counts itself on a port: <c>RX-packets</c>, <c>TX-bytes</c> ….</summary>
    public Dictionary<string, long> Statistics(int port = 0) =>
        Regex.Matches(Command(string.Create(CultureInfo.InvariantCulture, $"show port stats {port}")), @"(?<name>[RT]X-[a-z]+): +(?<count>\d+)", RegexOptions.ExplicitCapture)
            .ToDictionary(match => match.Groups["name"].Value, match => long.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal);

    /// <summary>Ends it in its own way. The NIC must have found nothing wrong, and its books must balance.</summary>
    /// <returns>What each port has counted, in their order, unless they were private.</returns>
    public IReadOnlyList<Dictionary<string, long>> Quit()
    {
        _process.StandardInput.WriteLine("quit");
        Assert.True(_process.WaitForExit(s_patience), "testpmd does not end");
        _reading.GetAwaiter().GetResult();
        Assert.True(_process.ExitCode == 0, $"testpmd ended with {_process.ExitCode}:\n{Output}");
        return NicLog.Expect(LogPath, _sharedPorts);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string AwaitPrompt()
    {
        Stopwatch waiting = Stopwatch.StartNew();
        while (true)
        {
            string output = Output;
            int prompt = output.IndexOf(Prompt, _answered, StringComparison.Ordinal);
            if (prompt >= 0)
            {
                string answer = output[_answered..prompt];
                _answered = prompt + Prompt.Length;
                return answer;
            }

            bool ended = _process.HasExited;
            Assert.False(ended || waiting.Elapsed > s_patience, $"testpmd {(ended ? "ended" : "says nothing any more")}:\n{output}");
            Thread.Sleep(10);
        }
    }

    private async Task Read(StreamReader stream)
    {
        char[] part = new char[4096];
        while (await stream.ReadAsync(part) is var count && count > 0)
        {
            lock (_output)
            {
                _output.Append(part, 0, count);
            }
        }
    }
}
