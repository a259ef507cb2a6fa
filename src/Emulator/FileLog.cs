using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Verbena.Emulator;

/// <summary>Appends what the NIC has to say to a file that several programs may share, a line at a time.</summary>
public sealed class FileLog(string path) : ILogger
{
    private readonly Lock _lock = new();

    /// <summary>A log that goes to a file, or nowhere without one.</summary>
    public static ILogger To(string? path) => string.IsNullOrEmpty(path) ? NullLogger.Instance : new FileLog(path);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        string detail = exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}";
        string line = string.Create(CultureInfo.InvariantCulture,
            $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffZ} {Environment.ProcessId} {logLevel}: {formatter(state, exception)}{detail}\n");
        lock (_lock)
        {
            File.AppendAllText(path, line); // one write with O_APPEND
        }
    }
}
