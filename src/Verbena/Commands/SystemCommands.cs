using System.Reflection;
using System.Runtime.InteropServices;
using Verbena.Dataplane.Cli;

namespace Verbena.Commands;

/// <summary>Commands about the program itself.</summary>
internal static class SystemCommands
{
    /// <summary>What <c>show version</c> prints.</summary>
    public static string Version => $"verbena v{InformationalVersion} on {RuntimeInformation.FrameworkDescription}";

    /// <summary>Such as <c>0.1.0+24142d3387</c>: the commit's first ten digits follow the version.</summary>
    private static string InformationalVersion
    {
        get
        {
            string full = typeof(SystemCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";
            int commit = full.IndexOf('+', StringComparison.Ordinal);
            return commit < 0 ? full : full[..Math.Min(full.Length, commit + 11)];
        }
    }

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
        table.Add("clear logging", "", "Forgets the log messages", _ => _ => log.Clear());
    }
}
