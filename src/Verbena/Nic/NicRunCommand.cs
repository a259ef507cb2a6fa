using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Interop;

namespace Verbena.Nic;

/// <summary><c>verbena nic run</c>: becomes the program, in surroundings where it finds the emulated NICs.</summary>
/// <remarks>
/// The process turns into the program, so that its output, signals, job control and exit status are its own. What has to
/// outlive this, the ports and the sysfs tree, is with <see cref="NicServeCommand"/>, a process beside it that ends after it.
/// </remarks>
internal static class NicRunCommand
{
    /// <summary>Names the socket at which a process of the program joins the shared ports.</summary>
    public const string SocketVariable = "VERBENA_NIC_SOCKET";

    private const string Install = "build it: dotnet build src/NicLibrary --configuration Release";

    /// <exception cref="VerbenaException">The NICs or the program can't be started.</exception>
    public static async Task<int> RunAsync(NicRunOptions options)
    {
        if (options is { RecordsWork: true, Record: null })
        {
            throw new VerbenaException("--record-work says what to record, and --record FILE where: give both");
        }

        DemandWritable(options.Log);
        DemandWritable(options.Record);
        string library = Beside("libverbena-nic.so");
        string shim = Beside("libverbena-shim.so");
        string tree = await StartServerAsync(options).ConfigureAwait(false);
        string? preloaded = Environment.GetEnvironmentVariable("LD_PRELOAD");
        Pass("SYSFS_PATH", tree);
        Pass(SocketVariable, options.IsPrivate ? null : NicServeCommand.SocketIn(tree));
        Pass("VERBENA_NIC", string.Join('\n', options.Nics.Select(nic => nic.Text)));
        Pass("VERBENA_NIC_DEVICES", NicOptions.WithFunctions(options.Nics).Count.ToString(CultureInfo.InvariantCulture));
        Pass("VERBENA_NIC_LIBRARY", library);
        Pass("VERBENA_NIC_LOG", options.Log is null ? null : Path.GetFullPath(options.Log));
        Pass("VERBENA_NIC_RECORD", options.Record is null ? null : Path.GetFullPath(options.Record));
        Pass("VERBENA_NIC_RECORD_WORK", options.RecordsWork ? "1" : null);
        Pass("LD_PRELOAD", string.IsNullOrEmpty(preloaded) ? shim : $"{shim}:{preloaded}");
        Become([.. await NamespaceAsync().ConfigureAwait(false), .. options.Program]);
        return 0;
    }

    /// <summary>What can't be written is refused here, with a sentence; once the program runs nothing stops it.</summary>
    private static void DemandWritable(string? path)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            using var file = new AppendedFile(path);
            file.Demand();
        }
        catch (InvalidOperationException refusal)
        {
            throw new VerbenaException(refusal.Message, refusal);
        }
    }

    /// <summary>Sets a variable for the program, or takes away what an outer <c>nic run</c> has left; the runtime's environment is a copy.</summary>
    private static void Pass(string name, string? value) => _ = value is null ? Libc.unsetenv(name) : Libc.setenv(name, value, 1);

    private static string Beside(string file)
    {
        string path = Path.Combine(AppContext.BaseDirectory, file);
        return File.Exists(path) ? path : throw new VerbenaException($"{path} is not there; {Install}");
    }

    /// <summary>Starts the process that holds the NICs, as nobody's child, and returns the root of its sysfs tree when all is there.</summary>
    private static async Task<string> StartServerAsync(NicRunOptions options)
    {
        // The shell ends at once, so that the program will not have a child that it did not make.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "\"$@\" </dev/null &", "sh", Environment.ProcessPath!, .. Arguments(options)])
        {
            RedirectStandardOutput = true,
        };
        using Process shell = Process.Start(start)!;
        string? tree = await shell.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        await shell.WaitForExitAsync().ConfigureAwait(false);
        return tree ?? throw new VerbenaException("the emulated NICs could not be started");
    }

    private static IEnumerable<string> Arguments(NicRunOptions options) =>
    [
        "nic", "serve", "--for", Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
        .. options.Log is null ? [] : new[] { "--log", Path.GetFullPath(options.Log) },
        .. options.IsPrivate ? ["--private"] : Array.Empty<string>(),
        .. options.Nics.SelectMany(nic => new[] { "--nic", nic.Text }),
    ];

    /// <summary>
    /// The command before the program's that lays the NICs over /sys, for programs that look there and not below SYSFS_PATH.
    /// Empty where the user may not have a mount namespace.
    /// </summary>
    private static async Task<string[]> NamespaceAsync()
    {
        const string Overlay = """
            for folder in class bus devices; do
                (cd "$SYSFS_PATH" && mount -t overlay -o ro,lowerdir="$folder:/sys/$folder" overlay "/sys/$folder") 2>/dev/null || : # its path may have a colon
            done
            exec "$@"
            """;
        string[] user = Environment.IsPrivilegedProcess ? [] : ["--user", "--map-current-user", "--keep-caps"];
        string[] unshare = ["unshare", .. user, "--mount", "--propagation", "slave"];
        using Process trial = Process.Start(new ProcessStartInfo(unshare[0], [.. unshare[1..], "true"]) { RedirectStandardError = true })!;
        _ = await trial.StandardError.ReadToEndAsync().ConfigureAwait(false);
        await trial.WaitForExitAsync().ConfigureAwait(false);
        return trial.ExitCode == 0 ? [.. unshare, "sh", "-c", Overlay, "sh"] : [];
    }

    private static unsafe void Become(string[] command)
    {
        _ = Libc.signal(Signals.SIGPIPE, Signals.SIG_DFL); // the runtime ignores it, and the program would inherit that
        byte** arguments = stackalloc byte*[command.Length + 1];
        for (int i = 0; i < command.Length; i++)
        {
            arguments[i] = (byte*)Marshal.StringToCoTaskMemUTF8(command[i]);
        }

        arguments[command.Length] = null;
        _ = Libc.execvp(command[0], arguments);
        throw new VerbenaException($"{command[0]}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }
}
