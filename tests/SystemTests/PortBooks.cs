using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.SystemTests;

/// <summary>What an emulated port has counted, as <c>show emulated-nic</c> prints it.</summary>
public sealed class PortBooks
{
    private static readonly string[] s_offered = ["wire_received", "netdev_sent", "queue_sent", "copies"];
    private readonly Dictionary<string, long> _frames;

    /// <summary>Reads the answer, which must be of one port.</summary>
    public PortBooks(string shown)
    {
        Assert.Single(Regex.Matches(shown, "^[^ ]+: link", RegexOptions.Multiline));
        _frames = Regex.Matches(shown, @"^ +(?<name>[a-z_]+) +(?<count>\d+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture)
            .Where(match => !match.Groups["name"].Value.EndsWith("_bytes", StringComparison.Ordinal)) // the books are of frames
            .Where(match => !match.Groups["name"].Value.StartsWith("switch_", StringComparison.Ordinal)) // and the switch's are its own
            .ToDictionary(match => match.Groups["name"].Value, match => long.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }

    /// <summary>Reads an answer of several ports.</summary>
    public static IEnumerable<PortBooks> All(string shown) =>
        Regex.Split(shown, "^(?=[^ ]+: link)", RegexOptions.Multiline).Where(port => port.Length > 0).Select(port => new PortBooks(port));

    /// <summary>What came from wire, Linux and queues, and the copies made of it, is what went to them and what was dropped under a name.</summary>
    public bool AreBalanced => s_offered.Sum(name => this[name]) * 2 == _frames.Values.Sum();

    /// <summary>A counter of frames.</summary>
    public long this[string name] => _frames.GetValueOrDefault(name);
}
