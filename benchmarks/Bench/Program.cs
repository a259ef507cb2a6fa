using System.Globalization;
using Verbena.Bench;
using Verbena.Bench.Forwarding;
using Verbena.Bench.Replay;

int seconds = args is [var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
RingReplayBenchmark.Run(2 * seconds);
SteppedBenchmark.Run(seconds);
ForwardingBenchmark.Run(6 * seconds);
NicLimitBenchmark.Run(seconds);
QuietMinuteBenchmark.Run(TimeSpan.FromSeconds(12 * seconds)); // a minute, unless asked for less
