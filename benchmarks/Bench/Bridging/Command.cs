using System.Diagnostics;

namespace Verbena.Bench.Bridging;

/// <summary>Runs programs; ./bench has made the root of the repository the working directory.</summary>
internal static class Command
{
    /// <summary>Runs one to its end and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message is what it said.</exception>
    public static string Run(params IReadOnlyList<string> command) =>
        TryRun(command) ?? throw new InvalidOperationException($"failed: {string.Join(' ', command)}");

    /// <summary>As <see cref="Run"/>, but null if it failed.</summary>
    public static string? TryRun(params IReadOnlyList<string> command)
    {
        using Process process = Start(command);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : null;
    }

    /// <summary>Starts one, whose input and output are the caller's.</summary>
    public static Process Start(params IReadOnlyList<string> command) => Process.Start(
        new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
