using System.Globalization;
using Verbena.Interop;

namespace Verbena.Emulator.Sharing;

/// <summary>Who may join the ports: the user's own processes, and those of other users that the program has become or started.</summary>
/// <param name="program">The process for which the ports are there.</param>
/// <remarks>These are in the program's mount namespace, into which nobody else gets (namespaces(7)). Without one there are no others.</remarks>
public sealed class Admission(int program)
{
    private string? _namespace; // the program's, once it has one of its own

    /// <exception cref="InvalidOperationException">The process may not join.</exception>
    internal void Demand(in ucred process)
    {
        if (process.uid != Libc.geteuid() && !IsBelow(process.pid))
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"EACCES: uid {process.uid} did not start it, and process {process.pid} is not in the mount namespace of who did"));
        }
    }

    private bool IsBelow(int process)
    {
        _namespace ??= MountNamespace(program) is { } found && found != MountNamespace(Environment.ProcessId) ? found : null;
        return _namespace is not null && _namespace == MountNamespace(process);
    }

    private static string? MountNamespace(int process)
    {
        try
        {
            return File.ResolveLinkTarget(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/mnt"), returnFinalTarget: false)?.Name;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended
        }
    }
}
