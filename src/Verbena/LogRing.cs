using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Verbena;

/// <summary>The last 512 log messages, for <c>show logging</c>; layout of VPP's vlib/log.c.</summary>
internal sealed class LogRing : ILoggerProvider
{
    private const int Capacity = 512;

    private readonly Queue<string> _lines = new();
    private readonly TimeProvider _time;

    public LogRing(TimeProvider time) => _time = time;

    /// <summary>The messages, oldest first.</summary>
    public string[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Forgets the messages.</summary>
    public void Clear()
    {
        lock (_lines)
        {
            _lines.Clear();
        }
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void Dispose()
    {
    }

    private void Add(LogLevel level, string category, string message)
    {
        string time = _time.GetLocalNow().ToString("yyyy/MM/dd HH:mm:ss:fff", CultureInfo.InvariantCulture);
        lock (_lines)
        {
            if (_lines.Count == Capacity)
            {
                _lines.Dequeue();
            }

            _lines.Enqueue($"{time} {LevelName(level),-10} {category,-14} {message}");
        }
    }

    /// <summary>A level as VPP calls it.</summary>
    public static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Critical => "crit",
        LogLevel.Error => "error",
        LogLevel.Warning => "warn",
        LogLevel.Information => "notice",
        _ => "debug",
    };

    /// <summary>A message with the exception's own behind it, where there is one.</summary>
    public static string Text(string message, Exception? exception) =>
        exception is null ? message : $"{message}: {exception.GetType().Name}: {exception.Message}";

    private sealed class Logger(LogRing ring, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                ring.Add(logLevel, category, Text(formatter(state, exception), exception));
            }
        }
    }
}
