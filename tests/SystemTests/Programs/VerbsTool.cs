namespace Verbena.SystemTests.Programs;

/// <summary>A small verbs program of ours in C, compiled against the installed rdma-core.</summary>
/// <remarks>It prints what it found, one fact a line. With the argument <c>hold</c> it then waits with the device open; the others are in it.</remarks>
internal static class VerbsTool
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <infiniband/verbs.h>
        #include <signal.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <sys/sysmacros.h>
        #include <sys/time.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static int device;

        static void copy_and_close(int signal)
        {
            (void)signal;
            close(dup(device));
        }

        /* Copies and closes a descriptor of the device, and is interrupted by what does the same. */
        static void be_interrupted(void)
        {
            struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { 0 };
            signal(SIGALRM, copy_and_close);
            setitimer(ITIMER_REAL, &often, NULL);
            for (int i = 0; i < 300000; i++)
                copy_and_close(0);
            setitimer(ITIMER_REAL, &never, NULL);
            printf("went on\n");
        }

        /* Forks, and is interrupted by what copies and closes a descriptor of the device. */
        static void be_interrupted_in_fork(void)
        {
            struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
            struct sigaction action = { .sa_handler = copy_and_close, .sa_flags = SA_RESTART };
            sigaction(SIGALRM, &action, NULL);
            for (int i = 0; i < 200; i++) {
                setitimer(ITIMER_REAL, &often, NULL);
                pid_t child = fork();
                if (child == 0)
                    _exit(0);
                setitimer(ITIMER_REAL, &never, NULL);
                waitpid(child, NULL, 0);
            }
            printf("went on\n");
        }

        /* What gets the number of a descriptor that was closed is no device. */
        static void close_by_range(void)
        {
            struct stat description;
            close_range(device, device, 1 << 30);
            fstat(device, &description);
            printf("refused, the number is of major %u\n", major(description.st_rdev));
            close_range(device, device, 0);
            fstat(dup2(open("/dev/null", O_RDONLY), device), &description);
            printf("the number is of major %u\n", major(description.st_rdev));
        }

        /* Returns 0 if the device refuses, and if the number of the closed descriptor can be that of another file. */
        static int use_in_child(struct ibv_context *context)
        {
            char event[16];
            fcntl(context->async_fd, F_SETFL, O_NONBLOCK);
            if (ibv_alloc_pd(context) != NULL || errno != EIO || read(context->async_fd, event, sizeof(event)) != -1 || errno != EIO)
                return 1;
            close(context->cmd_fd);
            int file = dup2(open("/proc/self/exe", O_RDONLY), context->cmd_fd);
            return mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED;
        }

        int main(int argc, char **argv)
        {
            int count = 0;
            struct ibv_device **list = ibv_get_device_list(&count);
            printf("devices %d\n", count);
            struct ibv_context *context = count > 0 ? ibv_open_device(list[0]) : NULL;
            struct ibv_device_attr attributes;
            if (context == NULL || ibv_query_device(context, &attributes) != 0)
                return 1;
            printf("part %u\n", attributes.vendor_part_id);
            int copy = dup(context->cmd_fd);
            close(copy);
            dup2(-1, context->cmd_fd);
            struct ibv_pd *pd = ibv_alloc_pd(context);
            printf("pd %s\n", pd != NULL ? "made" : "refused");
            fflush(stdout);
            if (argc > 1 && strcmp(argv[1], "fork") == 0) {
                if (fork() == 0)
                    _exit(use_in_child(context));
                int status = 0;
                wait(&status);
                printf("child %s\n", status == 0 ? "refused" : "served");
            }
            device = context->cmd_fd;
            if (argc > 1 && strcmp(argv[1], "interrupt") == 0)
                be_interrupted();
            if (argc > 1 && strcmp(argv[1], "interrupt_fork") == 0)
                be_interrupted_in_fork();
            if (argc > 1 && strcmp(argv[1], "crash") == 0)
                *(volatile char *)0x200000000000 = 0;
            if (argc > 1 && strcmp(argv[1], "close_range") == 0) {
                close_by_range();
                return 0;
            }
            if (argc > 1 && strcmp(argv[1], "hold") == 0)
                pause();
            printf("closed %d\n", ibv_dealloc_pd(pd) + ibv_close_device(context));
            ibv_free_device_list(list);
            return 0;
        }
        """;

    /// <summary>Compiles it into <paramref name="folder"/>.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="carriesRdmaCore">Puts rdma-core itself into the program, as VPP's packages do.</param>
    /// <param name="options">Other options of gcc.</param>
    public static string Compile(string folder, bool carriesRdmaCore, params string[] options) => carriesRdmaCore
        ? CProgram.Compile(folder, "carrying", Source,
            ["-DRDMA_STATIC_PROVIDERS=mlx5", .. options, "-Wl,-Bstatic", "-libverbs", "-lmlx5", "-libverbs", "-Wl,-Bdynamic", "-lnl-route-3", "-lnl-3"])
        : CProgram.Compile(folder, "linked", Source, [.. options, "-libverbs"]);
}
