using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Verbena.SystemTests;

/// <summary>A network namespace with nothing in it but what the test makes: a host of its own.</summary>
/// <remarks>
/// It has no name and lives as long as its one process, which ends when this object is disposed or the test process dies:
/// nothing is left behind in either case. An ordinary user gets a user namespace around it.
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    private readonly Process _holder;
    private readonly string[] _enter;

    private NetworkNamespace(IReadOnlyList<string> command, bool ownUserNamespace)
    {
        _holder = Start([.. command, "sh", "-c", "echo ready; exec cat"], keepInput: true);
        if (_holder.StandardOutput.ReadLine() != "ready")
        {
            throw new InvalidOperationException($"no network namespace: {_holder.StandardError.ReadToEnd()}");
        }

        string[] user = ownUserNamespace ? ["--user", "--preserve-credentials"] : [];
        Enter = ["--target", $"{_holder.Id}", .. user, "--net", "--"];
        _enter = ["nsenter", .. Enter];
    }

    private static bool IsRoot => geteuid() == 0;

    /// <summary>What makes a command that follows it an ordinary user's; nothing where the tests are run by one.</summary>
    public static IReadOnlyList<string> AsOrdinaryUser => IsRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

    /// <summary>Id of the process that holds the namespace, as <c>ip link … netns</c> takes it.</summary>
    public int ProcessId => _holder.Id;

    /// <summary>What nsenter needs to get there, up to the program.</summary>
    public IReadOnlyList<string> Enter { get; }

    public static NetworkNamespace Create()
    {
        string[] user = IsRoot ? [] : ["--user", "--map-root-user"];
        NetworkNamespace created = new(["unshare", .. user, "--net", "--"], ownUserNamespace: !IsRoot);
        created.Run("ip", "link", "set", "lo", "up");
        return created;
    }

    /// <summary>Another host, which this one may give interfaces to.</summary>
    public NetworkNamespace CreateNeighbour()
    {
        NetworkNamespace created = new([.. _enter, "unshare", "--net", "--"], ownUserNamespace: !IsRoot);
        created.Run("ip", "link", "set", "lo", "up");
        return created;
    }

    /// <summary>Runs a program to its end. A status other than 0 fails the test with what the program said.</summary>
    public string Run(params string[] command)
    {
        CommandResult result = Try(command);
        Assert.True(result.Status == 0, $"{string.Join(' ', command)} ended with {result.Status}:\n{result.Output}");
        return result.Output;
    }

    /// <summary>Runs a program to its end, whatever its status.</summary>
    public CommandResult Try(params string[] command)
    {
        using Process process = StartProgram(command);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return new CommandResult(process.ExitCode, output);
    }

    /// <summary>Starts a program in the namespace and leaves it running.</summary>
    public Process StartProgram(params string[] command) => Start([.. _enter, .. command], keepInput: false);

    /// <summary>Starts a program in the namespace, whose input is what the test writes.</summary>
    public Process StartInteractive(params string[] command) => Start([.. _enter, .. command], keepInput: true);

    public void Dispose()
    {
        _holder.StandardInput.Close(); // cat reads the end of its input, and the namespace ends with it
        if (!_holder.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            _holder.Kill();
        }

        _holder.Dispose();
    }

    private static Process Start(IReadOnlyList<string> command, bool keepInput)
    {
        ProcessStartInfo info = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        Process process = Process.Start(info) ?? throw new InvalidOperationException($"{command[0]} did not start");
        if (!keepInput)
        {
            process.StandardInput.Close();
        }

        return process;
    }

    [DllImport("libc")]
    private static extern uint geteuid();
}

/// <summary>How a program ended.</summary>
/// <param name="Status">Its exit status.</param>
/// <param name="Output">What it printed, its errors at the end.</param>
public readonly record struct CommandResult(int Status, string Output);
