using System.Globalization;
using Verbena.Bench;
using Verbena.Bench.Replay;

int seconds = args is [var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
Console.WriteLine("64-byte frames, NIC's generator -> rdma-0 -> IPv4 lookup and rewrite -> rdma-1 -> NIC's sink (emulated NIC).");
Console.WriteLine();
RingReplayBenchmark.Run(2 * seconds);
SteppedBenchmark.Run(seconds);
ThreadedBenchmark.Run(seconds);
NicLimitBenchmark.Run(seconds);
