using System.Diagnostics;
using System.Globalization;

namespace Verbena.SystemTests;

/// <summary>Verbena as a daemon on a host, with a control socket of its own.</summary>
public sealed class Daemon : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-lab-").FullName;
    private readonly NetworkNamespace _host;
    private readonly Process _process;
    private readonly Task<string> _log;

    /// <summary>Starts it and waits until it takes commands.</summary>
    public Daemon(NetworkNamespace host, params IReadOnlyList<string> options)
    {
        _host = host;
        _process = host.StartProgram(["./verbena", "start", "--socket", Socket, .. options]);
        _log = ReadLog();
        Lab.WaitUntil(() => ControlSocket.IsServed(Socket) || _process.HasExited);
        Assert.False(_process.HasExited, "the daemon ended at its start");
    }

    public string Socket => Path.Combine(_folder, "cli.sock");

    public int ProcessId => _process.Id;

    public bool IsAlive => !_process.HasExited;

    /// <summary>One command, which must succeed. Returns its answer.</summary>
    public string Ctl(string command) => ControlSocket.Run(Socket, command);

    /// <summary>One command, whatever comes of it.</summary>
    public CommandResult TryCtl(string command) => ControlSocket.Try(Socket, command);

    /// <summary>One command by <c>verbena ctl</c> itself, whatever comes of it.</summary>
    public CommandResult TypeCtl(string command) => _host.Try("./verbena", "ctl", "--socket", Socket, command);

    /// <summary>Ends it as a service manager does, and returns what it has logged.</summary>
    public string Stop()
    {
        if (!_process.HasExited)
        {
            _host.Run("kill", "-TERM", _process.Id.ToString(CultureInfo.InvariantCulture));
        }

        _process.WaitForExit();
        return _log.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Stop();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<string> ReadLog()
    {
        Task<string> errors = _process.StandardError.ReadToEndAsync();
        return await _process.StandardOutput.ReadToEndAsync() + await errors;
    }
}
