using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>Verbena in a container on a port that <c>nic run</c> holds: packaging/container-run on what packaging/container-root has made.</summary>
public sealed class Container : IDisposable
{
    private readonly NetworkNamespace _host;
    private readonly string _run;
    private readonly Process _process;
    private readonly Task<string> _log;

    /// <summary>Starts it, with its capabilities.</summary>
    /// <param name="host">Where the engine would run.</param>
    /// <param name="root">Its root file system.</param>
    /// <param name="ports">The folder with the socket of the ports: what device nodes are to a container with a real NIC.</param>
    /// <param name="capabilities">Which of them it has.</param>
    public Container(NetworkNamespace host, string root, string ports, params string[] capabilities)
    {
        _host = host;
        _run = Directory.CreateTempSubdirectory("verbena-container-").FullName;
        _process = host.StartProgram(
        [
            "env", "VERBENA_NIC_SOCKET=/run/nic/ports.sock", "packaging/container-run", root, .. capabilities.SelectMany(name => new[] { "--cap-add", name }),
            "--volume", $"{ports}:/run/nic", "--volume", $"{_run}:/run/verbena", "start", "--socket", "/run/verbena/cli.sock", "--buffers", "8192",
        ]);
        _log = ReadLog();
        Lab.WaitUntil(() => File.Exists(Socket) || _process.HasExited);
        if (_process.HasExited)
        {
            Assert.Fail($"no container: {_log.GetAwaiter().GetResult()}");
        }
    }

    private string Socket => Path.Combine(_run, "cli.sock");

    /// <summary>The capabilities of its process, as a mask (capabilities(7)).</summary>
    public ulong Capabilities => ulong.Parse(
        Regex.Match(File.ReadAllText($"/proc/{Child}/status"), @"CapPrm:\s+([0-9a-f]+)").Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>The first process in it, as the host numbers it.</summary>
    private string Child => _host.Run("pgrep", "--parent", _process.Id.ToString(CultureInfo.InvariantCulture)).Trim();

    /// <summary>One command, which must succeed. Returns its answer.</summary>
    public string Ctl(string command) => _host.Run("./verbena", "ctl", "--socket", Socket, command);

    /// <summary>One command, whatever comes of it.</summary>
    public CommandResult TryCtl(string command) => _host.Try("./verbena", "ctl", "--socket", Socket, command);

    /// <summary>The namespace of a kind that it is in, such as <c>net</c>.</summary>
    public string Namespace(string kind) => _host.Run("readlink", $"/proc/{Child}/ns/{kind}");

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _host.Run("kill", "-TERM", Child);
        }

        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_run, recursive: true);
    }

    private async Task<string> ReadLog()
    {
        Task<string> errors = _process.StandardError.ReadToEndAsync();
        return await _process.StandardOutput.ReadToEndAsync() + await errors;
    }
}
