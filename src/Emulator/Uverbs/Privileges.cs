using System.Globalization;

namespace Verbena.Emulator.Uverbs;

/// <summary>What the thread may do that gave a command.</summary>
internal static class Privileges
{
    private const int CapNetRaw = 13; // Linux, include/uapi/linux/capability.h

    /// <summary>Raw packets need CAP_NET_RAW, as a kernel demands for raw-packet queue pairs and flows.</summary>
    /// <exception cref="UverbsException">EPERM: the thread does not have it.</exception>
    public static void DemandNetRaw(in IoctlFrame frame, string command)
    {
        string line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{frame.CallingThread}/status")).First(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        ulong effective = ulong.Parse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if ((effective & (1UL << CapNetRaw)) == 0)
        {
            throw UverbsException.NotPermitted($"{command} needs CAP_NET_RAW");
        }
    }
}
