using Microsoft.Extensions.Logging;

namespace Verbena.Emulator.Nic;

/// <summary>What programs did against the rules of the device, though hardware might let it pass. Tests expect it empty.</summary>
public sealed partial class ConformanceLog(ILogger logger)
{
    private const int MostKept = 100;
    private readonly Lock _lock = new();
    private readonly List<string> _violations = [];

    /// <summary>Called for each violation, on the NIC's thread and inside its gate.</summary>
    public Action<string>? Violated { get; set; }

    /// <summary>The first hundred violations, a sentence each.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_lock)
            {
                return [.. _violations];
            }
        }
    }

    internal void Report(string violation)
    {
        lock (_lock)
        {
            if (_violations.Count == MostKept)
            {
                return;
            }

            _violations.Add(violation);
        }

        LogViolation(logger, violation);
        Violated?.Invoke(violation);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "emulated NIC: conformance violation: {Violation}")]
    private static partial void LogViolation(ILogger logger, string violation);
}
