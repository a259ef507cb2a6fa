using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary><c>verbena nic run</c> with any program below it.</summary>
public sealed class NicRunTests : IDisposable
{
    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-nic-run-").FullName;

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void The_system_s_tools_see_a_ConnectX_5_Ex_whose_port_is_active()
    {
        Assert.Contains("mlx5_0", Run("--nic", "enp94s0f0", "--", "ibv_devices"), StringComparison.Ordinal);
        string info = Run("--nic", "enp94s0f0,wire=sink", "--nic", "enp94s0f1", "--", "ibv_devinfo", "-v");
        Assert.Contains("vendor_part_id:\t\t\t4121", info, StringComparison.Ordinal);
        Assert.Contains("PORT_ACTIVE (4)", info, StringComparison.Ordinal);
        Assert.Contains("PORT_DOWN (1)", info, StringComparison.Ordinal);
        Assert.Contains("link_layer:\t\tEthernet", info, StringComparison.Ordinal);
        Assert.Contains("hca_id:\tmlx5_1", info, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_program_may_link_rdma_core_or_carry_it(bool carries)
    {
        string tool = VerbsTool.Compile(_folder, carries);
        Assert.Equal("devices 1\npart 4119\npd made\nclosed 0\n", Run("--nic", "enp94s0f0,model=connectx-5", "--", tool));
    }

    [Fact]
    public void A_script_and_what_it_starts_see_the_NIC_and_the_real_sys_is_as_before()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        string seen = Run("--", "sh", "-c", $"{tool} | head -1; (exec {tool}) | tail -1; basename $(readlink -f /sys/class/net/enp94s0f0/device); ls /sys/class/infiniband /sys/bus/pci/devices");
        Assert.StartsWith("devices 1\nclosed 0\n0000:5e:00.0\n", seen, StringComparison.Ordinal);
        Assert.Contains("mlx5_0", seen, StringComparison.Ordinal);
        Assert.False(Directory.Exists("/sys/class/infiniband/mlx5_0"), "the NIC is for the program only");
        Assert.False(Directory.Exists("/sys/bus/pci/devices/0000:5e:00.0"), "the NIC is for the program only");
    }

    [Fact]
    public void A_fork_s_child_can_t_use_the_parent_s_device_and_does_not_disturb_it()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        const string Sentence = "verbena nic: this process was forked by one that uses the NIC; only its parent, or a program that it executes, can use it\n";
        Assert.Equal($"devices 1\npart 4121\npd made\nchild refused\nclosed 0\n{Sentence}", Run("--", tool, "fork"));
    }

    [Theory]
    [InlineData("interrupt")]
    [InlineData("interrupt_fork")]
    public void A_signal_handler_may_close_a_descriptor_of_the_device_whatever_it_interrupts(string mode)
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        Assert.Equal("devices 1\npart 4121\npd made\nwent on\nclosed 0\n", Run("--", "timeout", "--kill-after=5", "60", tool, mode));
    }

    [Fact]
    public void A_number_that_close_range_has_freed_is_no_device_any_more()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        Assert.Equal("devices 1\npart 4121\npd made\nrefused, the number is of major 231\nthe number is of major 1\n", Run("--", tool, "close_range"));
    }

    [Fact]
    public void A_program_that_goes_astray_itself_dies_by_SIGSEGV()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        Assert.Contains("\n139\n", Run("--", "bash", "-c", $"{tool} crash; echo $?"), StringComparison.Ordinal);
    }

    [Fact]
    public void Exit_status_signals_and_output_are_the_program_s_own()
    {
        Assert.Equal(new CommandResult(7, "out\nerr\n"), Try("--", "sh", "-c", "echo out; echo err >&2; exit 7"));
        Assert.Equal(128 + 15, Try("--", "sh", "-c", "kill -TERM $$").Status);
        Assert.Equal("y\n141\n", Run("--", "bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}")); // SIGPIPE ends it, as without us
        CommandResult absent = Try("--", "no-such-program");
        Assert.NotEqual(0, absent.Status);
        Assert.Contains("no-such-program", absent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_program_leaves_nothing_behind_and_the_next_one_starts()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        for (int i = 0; i < 2; i++)
        {
            using Process program = _host.StartProgram("./verbena", "nic", "run", "--nic", "enp94s0f0,wire=sink", "--",
                "sh", "-c", $"echo $$; echo $SYSFS_PATH; exec {tool} hold");
            string id = program.StandardOutput.ReadLine()!;
            string tree = program.StandardOutput.ReadLine()!;
            Assert.Equal("devices 1", program.StandardOutput.ReadLine());
            Assert.Equal("part 4121", program.StandardOutput.ReadLine());
            Assert.Equal("pd made", program.StandardOutput.ReadLine());
            Assert.Contains("enp94s0f0", _host.Run("ip", "-brief", "link"), StringComparison.Ordinal);
            Assert.True(Directory.Exists(tree), "the program reads it");
            _host.Run("kill", "-KILL", id);
            program.WaitForExit();
            Lab.WaitUntil(() => !Directory.Exists(tree) && _host.Try("pgrep", "-f", $"nic serve --for {id} ").Status == 1);
            Assert.DoesNotContain("enp94s0f0", _host.Run("ip", "-brief", "link"), StringComparison.Ordinal);
        }
    }

    /// <remarks>The kernel shares processors out between sessions first. Ports in a session of their own could wait for seconds.</remarks>
    [Fact]
    public void The_ports_are_in_the_program_s_session_but_its_signals_do_not_reach_them()
    {
        const string Script = """
            ports=$(pgrep -f "nic serve --for $$ ")
            [ $(ps -o sid= -p $ports) = $(ps -o sid= -p $$) ] && echo one session
            trap : INT TERM HUP QUIT
            for signal in INT TERM HUP QUIT; do kill -$signal 0; done
            sleep 0.2
            kill -0 $ports && echo still there
            """;
        Assert.Equal("one session\nstill there\n", _host.Run("setsid", "--wait", "./verbena", "nic", "run", "--nic", "enp94s0f0", "--", "bash", "-c", Script));
    }

    [Fact]
    public void Within_a_program_another_one_gets_NICs_of_its_own()
    {
        string info = Run("--nic", "outer,wire=sink", "--log", Path.Combine(_folder, "log"), "--",
            "./verbena", "nic", "run", "--private", "--nic", "one", "--nic", "two", "--", "ibv_devinfo");
        Assert.Contains("hca_id:\tmlx5_1", info, StringComparison.Ordinal);
        Assert.DoesNotContain("PORT_ACTIVE", info, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_data_planes_and_Linux_on_one_port_are_pinged_each_at_its_own_address()
    {
        const string Interface = "create int rdma host-if port0 name rdma-0";
        File.WriteAllText(Path.Combine(_folder, "dv"), $"{Interface} mode dv\nset int ip addr rdma-0 1.1.1.1/24\nset int st rdma-0 up\n");
        File.WriteAllText(Path.Combine(_folder, "ibv"), $"{Interface} mode ibv\nset int ip addr rdma-0 1.1.1.2/24\nset int st rdma-0 up\n");
        string script = string.Join('\n',
            "ip link set lo up; ip link set far0 up; ip link set port0 up",
            "ip addr add 1.1.1.100/24 dev far0; ip addr add 1.1.1.3/24 dev port0", // one host twice: so it asks on the wire for each
            "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.far0.rp_filter=0",
            $"for mode in dv ibv; do ./verbena start --socket {_folder}/$mode.sock --exec {_folder}/$mode > {_folder}/$mode.log 2>&1 & pids=\"$pids $!\"; done",
            $"for mode in dv ibv; do for i in $(seq 300); do ./verbena ctl --socket {_folder}/$mode.sock 'show int' 2>/dev/null | grep -q 'rdma-0.*up' && break; sleep 0.1; done; done",
            "for address in 1 2; do ping -I far0 -c 20 -i 0.02 -W 2 1.1.1.$address | grep received; done",
            "kill $pids; wait");
        string output = Run("--nic", "port0,wire=tap:far0", "--", "sh", "-c", script);
        Assert.Equal(2, Regex.Count(output, "20 packets transmitted, 20 received"));
    }

    [Fact]
    public void A_wrong_NIC_is_one_sentence_and_nothing_is_started()
    {
        CommandResult refused = Try("--nic", "enp94s0f0,wire=string", "--", "echo", "started");
        Assert.NotEqual(0, refused.Status);
        Assert.StartsWith("--nic wire=string: ", Assert.Single(refused.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_another_interface_has_is_refused()
    {
        CommandResult refused = Try("--nic", "lo", "--", "echo", "here");
        Assert.NotEqual(0, refused.Status);
        Assert.Contains("there is an interface of that name, and it is no TAP", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_user_s_directory_may_have_a_colon_in_its_name()
    {
        string directory = Directory.CreateDirectory(Path.Combine(_folder, "a:b,c")).FullName;
        Assert.Equal("mlx5_0\n", _host.Run("env", $"XDG_RUNTIME_DIR={directory}", "./verbena", "nic", "run", "--", "ls", "/sys/class/infiniband"));
    }

    [Fact]
    public void The_NIC_of_those_who_name_none_has_link() => Assert.Contains("PORT_ACTIVE", Run("--", "ibv_devinfo"), StringComparison.Ordinal);

    [Theory]
    [InlineData("--log")]
    [InlineData("--record")]
    public void A_file_that_can_t_be_written_is_one_sentence_and_nothing_is_started(string option) =>
        Assert.Equal(new CommandResult(1, "verbena: /nonexistent/file can't be written: ENOENT\n"), Try(option, "/nonexistent/file", "--", "echo", "started"));

    [Fact]
    public void A_log_that_can_t_be_written_any_more_does_not_disturb_the_program()
    {
        const string Seen = "devices 1\npart 4121\npd made\nclosed 0\n";
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        string logs = Directory.CreateDirectory(Path.Combine(_folder, "logs")).FullName;
        Assert.Equal(Seen, Run("--log", Path.Combine(logs, "log"), "--", "sh", "-c", $"rm -r {logs}; {tool}"));
        Assert.Equal(Seen, Run("--log", "/dev/full", "--", tool));
    }

    /// <remarks>There a thread's number in its own PID namespace is none, or another's, in the /proc of the one outside.</remarks>
    [Fact]
    public void A_program_in_a_PID_namespace_of_its_own_sends_raw_packets() =>
        Run("--nic", "cx0,wire=sink", "--", "unshare", "--pid", "--fork", "timeout", "60", "raw_ethernet_bw", "-d", "mlx5_0", "-s", "64", "-n", "10",
            "--client", "-B", "02:00:00:00:00:01", "-E", "02:00:00:00:00:02");

    [Fact]
    public void A_program_that_becomes_another_user_finds_the_NIC_but_may_not_send_raw_packets()
    {
        string seen = Run("--nic", "cx0,wire=sink", "--", "su", "nobody", "-s", "/bin/sh", "-c",
            "id -un; ibv_devinfo; raw_ethernet_bw -d mlx5_0 -s 64 -n 10 --client -B 02:00:00:00:00:01 -E 02:00:00:00:00:02 2>&1; true");
        Assert.StartsWith("nobody\nhca_id:\tmlx5_0", seen, StringComparison.Ordinal);
        Assert.Contains("Unable to create QP", seen, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_user_s_program_beside_may_not_join_the_ports()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1ED); // 755
        string seen = Run("--", "nsenter", "--mount", "--target", $"{Environment.ProcessId}", "su", "nobody", "-s", "/bin/sh", "-c", $"{tool} 2>&1; true");
        Assert.Contains("has refused this one: EACCES", seen, StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_for_which_the_ports_have_no_descriptors_left_say_so_and_later_ones_are_served()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        string seen = Run("--", "bash", "-c", $$"""
            ports=$(pgrep -f "nic serve --for $$ ")
            prlimit --pid $ports --nofile=80:4096
            for i in {1..20}; do {{tool}} hold > {{_folder}}/out.$i 2>&1 & done
            for i in {1..300}; do grep -hom1 "has refused this one: .*" {{_folder}}/out.* | head -1 | grep . && break; sleep 0.1; done
            kill $(jobs -p)
            prlimit --pid $ports --nofile=4096
            wait
            exec {{tool}}
            """);
        Assert.Matches("^has refused this one: .*(Too many open files|ulimit -n).*\ndevices 1\npart 4121\n", seen);
    }

    private string Run(params string[] arguments) => _host.Run(["./verbena", "nic", "run", .. arguments]);

    private CommandResult Try(params string[] arguments) => _host.Try(["./verbena", "nic", "run", .. arguments]);
}
