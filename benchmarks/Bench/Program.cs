using System.Globalization;
using Verbena.Bench;

int seconds = args is [var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
ForwardingBenchmark.Run(seconds);
