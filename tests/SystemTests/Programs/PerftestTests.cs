using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary>Both ends of perftest, each with a NIC of its own, and a cable between the two.</summary>
/// <remarks>
/// The receiving end posts more buffers than frames come, and ends only after it has received the last of them. So each of
/// these tests shows that none was lost.
/// </remarks>
public sealed class PerftestTests : IDisposable
{
    /// <summary>Starts the receiving end, waits until its flow is there, then runs the sending end.</summary>
    /// <remarks>The tool's own MTU (-m) is the longest frame. The NICs have Linux's default, but for jumbo frames.</remarks>
    private const string Pair = """
        tool=$1; shift
        stdbuf -oL "$tool" -d mlx5_1 --server -B 02:00:00:00:00:02 -E 02:00:00:00:00:01 "$@" >"$OUT.server" 2>&1 &
        until grep -q 'MAC attached' "$OUT.server"; do kill -0 $! || break; sleep 0.05; done
        timeout 60 "$tool" -d mlx5_0 --client -B 02:00:00:00:00:01 -E 02:00:00:00:00:02 "$@" >"$OUT.client" 2>&1
        status=$?
        for i in $(seq 600); do kill -0 $! 2>/dev/null || break; sleep 0.1; done
        kill $! 2>/dev/null && echo "the receiving end waits for more"
        wait $! || exit
        [ $status = 0 ] || exit $status
        """;

    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-perftest-").FullName;

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(64, 2000, "")]
    [InlineData(512, 2000, "")]
    [InlineData(1518, 1000, "-m 1518")]
    [InlineData(9000, 500, "-m 9000")]
    [InlineData(64, 2000, "-I 64")]
    [InlineData(256, 1000, "-I 0")]
    [InlineData(64, 500, "-q 4")]
    [InlineData(64, 1000, "-b -q 4")]
    [InlineData(1522, 500, "-b -q 4 -m 1522")] // the frame check sequence counts here: 1518 bytes, which have room for a tag
    public void Every_frame_of_raw_ethernet_bw_arrives(int size, int count, string options)
    {
        string[] more = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (string server, string client) = Run("raw_ethernet_bw", ["-s", Text(size), "-n", Text(count), "-r", "4096", .. more]);
        int pairs = more.Contains("-q") ? 4 : 1;
        Assert.Equal((size, count * pairs), Result(server));
        Assert.Equal((size, count * pairs), Result(client));
    }

    [Fact]
    public void Raw_ethernet_lat_plays_every_round()
    {
        (string server, string client) = Run("raw_ethernet_lat", ["-s", "64", "-n", "50"]);
        Assert.Equal((64, 50), Result(server));
        Assert.Equal((64, 50), Result(client));
    }

    /// <remarks>
    /// perftest 4.5 refuses its own default, a rate limit in software, so the NIC's is used; and without -Q 1 it waits for
    /// completions that it has not asked for.
    /// </remarks>
    [Fact]
    public void Raw_ethernet_burst_lat_gets_every_answer()
    {
        (_, string client) = Run("raw_ethernet_burst_lat",
            ["-s", "64", "-n", "200", "-t", "512", "-Q", "1", "--burst_size=16", "--rate_limit_type=PP", "--rate_limit=100", "--rate_units=M"]);
        Assert.Equal((64, 200), Result(client));
    }

    [Fact]
    public void Raw_ethernet_fs_rate_makes_and_destroys_flows()
    {
        string shown = _host.Run("./verbena", "nic", "run", "--nic", "cx0,wire=sink", "--",
            "raw_ethernet_fs_rate", "-d", "mlx5_0", "--server", "-B", "02:00:00:00:00:02", "-E", "02:00:00:00:00:01", "-n", "50");
        Assert.Matches(@"(?m)^\s*50\s+[\d.]+\s+[\d.]+", shown);
    }

    [Fact]
    public void An_ordinary_user_needs_no_privileges()
    {
        string[] user = [.. NetworkNamespace.AsOrdinaryUser];
        Assert.SkipUnless(_host.Try([.. user, "test", "-x", "./verbena"]).Status == 0, "other users can't get into this checkout");
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1FF); // the tools write there
        Assert.Contains("PORT_ACTIVE", _host.Run([.. user, "./verbena", "nic", "run", "--nic", "cx0,wire=sink", "--", "ibv_devinfo"]), StringComparison.Ordinal);
        (string server, _) = Run("raw_ethernet_bw", ["-s", "64", "-n", "500", "-r", "1024"], user: user);
        Assert.Equal((64, 500), Result(server));
    }

    [Fact]
    public void Sysfs_counts_what_was_on_the_wire()
    {
        const int Size = 512;
        const int Count = 2000;
        const string Read = """
            cd /sys/class/infiniband
            for i in $(seq 100); do
                grep -H . mlx5_?/ports/1/{state,counters/port_{rcv,xmit}_{packets,data},hw_counters/out_of_buffer} >"$OUT.ports"
                [ $(grep -c "_data:$1$" "$OUT.ports") = 2 ] && break
                sleep 0.1
            done
            """;
        int words = (Size - 4) * Count / 4; // perftest counts the frame check sequence in
        Run("raw_ethernet_bw", ["-s", Text(Size), "-n", Text(Count), "-r", "4096"], Read.Replace("$1", Text(words), StringComparison.Ordinal));
        string[] expected =
        [
            "mlx5_0/ports/1/state:4: ACTIVE", $"mlx5_0/ports/1/counters/port_xmit_packets:{Count}", $"mlx5_0/ports/1/counters/port_xmit_data:{words}",
            "mlx5_0/ports/1/counters/port_rcv_packets:0", "mlx5_0/ports/1/counters/port_rcv_data:0", "mlx5_0/ports/1/hw_counters/out_of_buffer:0",
            "mlx5_1/ports/1/state:4: ACTIVE", $"mlx5_1/ports/1/counters/port_rcv_packets:{Count}", $"mlx5_1/ports/1/counters/port_rcv_data:{words}",
            "mlx5_1/ports/1/counters/port_xmit_packets:0", "mlx5_1/ports/1/counters/port_xmit_data:0", "mlx5_1/ports/1/hw_counters/out_of_buffer:0",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), File.ReadAllLines(Path.Combine(_folder, "raw_ethernet_bw.ports")).Order(StringComparer.Ordinal));
    }

    /// <summary>The last line of numbers: frame size and frames.</summary>
    private static (int Size, int Count) Result(string output)
    {
        Match line = Regex.Matches(output, @"(?m)^ *(?<size>\d+) +(?<count>\d+) +[\d.]+ +[\d.]+", RegexOptions.ExplicitCapture).LastOrDefault() ?? Match.Empty;
        Assert.True(line.Success, output);
        return (int.Parse(line.Groups["size"].Value, CultureInfo.InvariantCulture), int.Parse(line.Groups["count"].Value, CultureInfo.InvariantCulture));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <remarks>One that has no time to close anything: the ports outlive it, and are the next one's.</remarks>
    [Fact]
    public void Ends_that_are_killed_under_full_load_leave_nothing_behind_and_the_next_ones_lose_no_frame()
    {
        const string Kill = """
            endless="-s 64 -r 512 -q 4 --run_infinitely"
            stdbuf -oL raw_ethernet_bw -d mlx5_1 --server -B 02:00:00:00:00:02 -E 02:00:00:00:00:01 $endless >"$OUT.killed" 2>&1 &
            server=$!
            until grep -q 'MAC attached' "$OUT.killed"; do kill -0 $server || exit; sleep 0.05; done
            raw_ethernet_bw -d mlx5_0 --client -B 02:00:00:00:00:01 -E 02:00:00:00:00:02 $endless >/dev/null 2>&1 &
            client=$!
            until [ $(cat /sys/class/infiniband/mlx5_1/ports/1/counters/port_rcv_packets) -gt 1000 ]; do kill -0 $client || exit; sleep 0.05; done
            kill -KILL $server; sleep 0.2; kill -KILL $client; wait $server $client
            """;
        (string server, string client) = Run("raw_ethernet_bw", ["-s", "64", "-n", "500", "-r", "4096"], before: Kill);
        Assert.Equal(((64, 500), (64, 500)), (Result(server), Result(client)));
    }

    private (string Server, string Client) Run(string tool, string[] arguments, string afterwards = "", string[]? user = null, string before = "")
    {
        string mtu = arguments.Contains("9000") ? ",mtu=9000" : "";
        string output = Path.Combine(_folder, tool);
        string log = Path.Combine(_folder, "nic.log");
        CommandResult result = _host.Try(["env", $"OUT={output}", .. user ?? [], "./verbena", "nic", "run", "--log", log,
            "--nic", $"cx0,wire=cable:cx1{mtu}", "--nic", $"cx1,wire=cable:cx0{mtu}", "--", "bash", "-c", $"{before}\n{Pair}\n{afterwards}", "bash", tool, .. arguments]);
        string server = File.Exists(output + ".server") ? File.ReadAllText(output + ".server") : "";
        string client = File.Exists(output + ".client") ? File.ReadAllText(output + ".client") : "";
        Assert.True(result.Status == 0, $"{result.Output}\nIf perftest is missing: apt-get install perftest\nserver: {server}\nclient: {client}");
        NicLog.Expect(log, ports: 2);
        return (server, client);
    }
}
