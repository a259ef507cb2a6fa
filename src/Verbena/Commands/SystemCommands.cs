using System.Reflection;
using System.Runtime.InteropServices;
using Verbena.Dataplane.Cli;

namespace Verbena.Commands;

/// <summary>Commands about the program itself.</summary>
internal static class SystemCommands
{
    /// <summary>What <c>show version</c> prints.</summary>
    public static string Version => $"verbena v{InformationalVersion} on {RuntimeInformation.FrameworkDescription}";

    private static string InformationalVersion =>
        typeof(SystemCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";

    public static void AddTo(CommandTable table, LogRing log)
    {
        table.Add("show version", "", "Says which version this is", _ => session => session.Output.WriteLine(Version));
        table.Add("show logging", "", "Lists the latest log messages", _ => session =>
        {
            foreach (string line in log.Lines)
            {
                session.Output.WriteLine(line);
            }
        });
    }
}
