using System.Text;
using Verbena.Control;

namespace Verbena.SystemTests;

/// <summary>Commands to a daemon, which go to its control socket from here: a <c>verbena ctl</c> for each took a third of the suite's time.</summary>
/// <remarks>That command itself is what <see cref="DaemonTests"/>, the demo and the containers' tests run.</remarks>
internal static class ControlSocket
{
    /// <summary>Whether a daemon listens there.</summary>
    public static bool IsServed(string socket)
    {
        try
        {
            using var client = new ControlClient(socket);
            return true;
        }
        catch (VerbenaException)
        {
            return false;
        }
    }

    /// <summary>One command, which must succeed. Returns its answer.</summary>
    public static string Run(string socket, string command)
    {
        CommandResult result = Try(socket, command);
        Assert.True(result.Status == 0, $"{command} failed:\n{result.Output}");
        return result.Output;
    }

    /// <summary>One command, whatever comes of it: status and output as <c>verbena ctl</c> has them.</summary>
    public static CommandResult Try(string socket, string command)
    {
        using var client = new ControlClient(socket);
        var output = new StringBuilder();
        string? failure = client.RunAsync(command, text => Task.FromResult(output.Append(text)), CancellationToken.None).GetAwaiter().GetResult().Failure;
        return failure is null ? new CommandResult(0, output.ToString()) : new CommandResult(1, output.Append(failure).Append('\n').ToString());
    }
}
