namespace Verbena.SystemTests.Programs;

/// <summary>Programs that use signals, threads, forks and the dynamic loader in ways that the emulator could get between.</summary>
public sealed class UnusualProgramTests : IDisposable
{
    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-unusual-").FullName;

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_plugin_may_open_the_device_while_it_is_loaded()
    {
        const string Plugin = """
            #include <infiniband/verbs.h>
            #include <stdio.h>

            __attribute__((constructor)) static void open_device(void)
            {
                struct ibv_device **list = ibv_get_device_list(NULL);
                printf("opened %d\n", ibv_open_device(list[0]) != NULL);
            }
            """;
        const string Loader = """
            #include <dlfcn.h>
            #include <stdio.h>

            int main(int argc, char **argv)
            {
                printf("loaded %d\n", argc > 1 && dlopen(argv[1], RTLD_NOW) != NULL);
                return 0;
            }
            """;
        string plugin = CProgram.Compile(_folder, "plugin.so", Plugin, "-shared", "-fPIC", "-libverbs");
        string loader = CProgram.Compile(_folder, "loader", Loader);
        Assert.Equal("opened 1\nloaded 1\n", Run("timeout", "--signal=KILL", "60", loader, plugin));
    }

    /// <remarks>Queued real-time signals are not merged: each must come.</remarks>
    [Fact]
    public void SIGRTMIN_is_the_program_s()
    {
        const string Source = """
            #include <infiniband/verbs.h>
            #include <signal.h>
            #include <stdio.h>
            #include <sys/signalfd.h>
            #include <unistd.h>

            int main(void)
            {
                struct ibv_device **list = ibv_get_device_list(NULL);
                struct ibv_context *context = ibv_open_device(list[0]);
                struct signalfd_siginfo info;
                sigset_t set;
                int came = 0;
                sigemptyset(&set);
                sigaddset(&set, SIGRTMIN);
                sigprocmask(SIG_BLOCK, &set, NULL);
                int signals = signalfd(-1, &set, SFD_NONBLOCK);
                for (int i = 0; i < 200; i++) {
                    kill(getpid(), SIGRTMIN);
                    came += read(signals, &info, sizeof info) == sizeof info;
                }
                printf("opened %d, came %d\n", context != NULL, came);
                fflush(stdout);
                sigprocmask(SIG_UNBLOCK, &set, NULL);
                kill(getpid(), SIGRTMIN);
                printf("still there\n");
                return 0;
            }
            """;
        string program = CProgram.Compile(_folder, "signals", Source, "-libverbs");
        Assert.Equal(new CommandResult(128 + 34, "opened 1, came 200\n"), _host.Try("./verbena", "nic", "run", "--", program));
    }

    [Fact]
    public void A_program_with_the_address_sanitizer_runs()
    {
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false, "-fsanitize=address");
        Assert.Equal("devices 1\npart 4121\npd made\nclosed 0\n",
            Run("env", "ASAN_OPTIONS=verify_asan_link_order=0", "timeout", "--signal=KILL", "60", tool));
    }

    /// <remarks>It knows AVX2, and neither AVX-512 nor whatever else the processor has.</remarks>
    [Fact]
    public void A_program_runs_below_valgrind()
    {
        CommandResult found = _host.Try("valgrind", "--version");
        Assert.True(found.Status == 0, $"{found.Output}: apt-get install valgrind");
        string tool = VerbsTool.Compile(_folder, carriesRdmaCore: false);
        Assert.StartsWith("devices 1\npart 4121\npd made\nclosed 0\n", Run("timeout", "--signal=KILL", "120", "valgrind", "-q", tool), StringComparison.Ordinal);
    }

    private string Run(params string[] program) => _host.Run(["./verbena", "nic", "run", "--", .. program]);
}
