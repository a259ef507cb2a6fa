using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Verbena;

/// <summary>The daemon's log on its standard output: <c>notice rdma: interface rdma-0: link up</c>.</summary>
internal sealed class LogLines() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "lines";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter) =>
        textWriter.WriteLine($"{LogRing.LevelName(logEntry.LogLevel)} {logEntry.Category}: "
            + LogRing.Text(logEntry.Formatter(logEntry.State, logEntry.Exception), logEntry.Exception));
}
