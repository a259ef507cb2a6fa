using System.Globalization;
using Verbena.Bench;
using Verbena.Bench.Bridging;
using Verbena.Bench.Forwarding;
using Verbena.Bench.Replay;

int seconds = args is [var text, ..] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
(string Name, Action Run)[] parts =
[
    ("replay", () => RingReplayBenchmark.Run(2 * seconds)),
    ("stepped", () => SteppedBenchmark.Run(seconds)),
    ("forwarding", () => ForwardingBenchmark.Run(6 * seconds)),
    ("bridge", () => BridgeBenchmark.Run(seconds)),
    ("limit", () => NicLimitBenchmark.Run(seconds)),
    ("modes", () => RxModeBenchmark.Run(TimeSpan.FromSeconds(seconds))),
    ("minute", () => QuietMinuteBenchmark.Run(TimeSpan.FromSeconds(12 * seconds))), // a minute, unless asked for less
];
string[] wanted = args is [_, .. { Length: > 0 } some] ? some : [.. parts.Select(part => part.Name)];
foreach (string name in wanted)
{
    if (Array.Find(parts, part => string.Equals(part.Name, name, StringComparison.Ordinal)).Run is not { } run)
    {
        Console.Error.WriteLine($"there is no part {name}: {string.Join(", ", parts.Select(part => part.Name))}");
        return 2;
    }

    run();
}

return 0;
