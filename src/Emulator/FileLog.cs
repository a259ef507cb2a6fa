using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Verbena.Emulator;

/// <summary>Appends what the NIC has to say to a file that several programs may share, a line at a time.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a log ends with its process")]
public sealed class FileLog : ILogger
{
    private readonly Lock _lock = new();
    private readonly AppendedFile _file;

    private FileLog(string path)
    {
        _file = new AppendedFile(path);
        _ = _file.TryOpen(); // while the program still sees it: daemons change their root
    }

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
            _file.Append(Encoding.UTF8.GetBytes(line));
        }
    }
}
