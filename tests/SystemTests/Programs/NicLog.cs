using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests.Programs;

/// <summary>What <c>verbena nic run</c> has written to its log: what its NICs have found wrong, and what their ports have counted.</summary>
internal static class NicLog
{
    private static readonly string[] s_offered = ["wire_received", "netdev_sent", "queue_sent", "copies"];
    private static readonly string[] s_besideFrames = ["wire_received_bytes", "wire_sent_bytes", "send_errors", "send_flushes", "receive_errors", "receive_flushes"];

    /// <summary>Once all ports have written what they have counted: the NICs must have found nothing wrong, and the books balance.</summary>
    /// <param name="path">The log.</param>
    /// <param name="ports">How many shared ports there were.</param>
    /// <returns>What each port has counted, in their order.</returns>
    public static IReadOnlyList<Dictionary<string, long>> Expect(string path, int ports)
    {
        Lab.WaitUntil(() => Counted(path).Count == ports);
        Assert.DoesNotContain("conformance", Read(path), StringComparison.OrdinalIgnoreCase);
        List<Dictionary<string, long>> counted = Counted(path);
        Assert.All(counted, port => Assert.Equal(port.Values.Sum() - s_besideFrames.Sum(name => port.GetValueOrDefault(name)), 2 * s_offered.Sum(name => port.GetValueOrDefault(name))));
        return counted;
    }

    private static List<Dictionary<string, long>> Counted(string path) =>
    [
        .. Regex.Matches(Read(path), "has counted (?<counters>.*)\n", RegexOptions.ExplicitCapture).Select(port =>
            Regex.Matches(port.Groups["counters"].Value, @"(?<name>[a-z_]+) (?<count>\d+)", RegexOptions.ExplicitCapture)
                .ToDictionary(match => match.Groups["name"].Value, match => long.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal)),
    ];

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
}
