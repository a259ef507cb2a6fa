using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Verbena.Interop;

namespace Verbena.Emulator.Record;

/// <summary>Appends what programs ask of emulated NICs to a file, a JSON object a line.</summary>
/// <remarks>Several processes can record into one file. Any thread may record.</remarks>
public sealed class NicRecorder : IDisposable
{
    private const long NanosecondsPerTick = 100; // of a DateTime

    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;
    private readonly AppendedFile _file;
    private readonly DateTime _startedWall = DateTime.UtcNow;
    private readonly long _started = Stopwatch.GetTimestamp();

    private NicRecorder(AppendedFile file, bool work)
    {
        RecordsWork = work;
        _file = file;
        _json = new Utf8JsonWriter(_buffer);
    }

    /// <summary>Whether work requests and completions are recorded too.</summary>
    public bool RecordsWork { get; }

    /// <summary>Begins to record at the end of a file.</summary>
    /// <exception cref="InvalidOperationException">The file can't be written.</exception>
    public static NicRecorder Start(string path, bool work = false)
    {
        var file = new AppendedFile(path);
        file.Demand();
        return new NicRecorder(file, work);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
            _json.Dispose();
        }
    }

    /// <summary>The time, for <see cref="Begin"/>.</summary>
    internal static long Now() => Stopwatch.GetTimestamp();

    /// <summary>Begins a line; it is written when that is disposed.</summary>
    /// <param name="device">mlx5_0</param>
    /// <param name="verb">What was done.</param>
    /// <param name="began">When that began (<see cref="Now"/>).</param>
    internal RecordLine Begin(string device, string verb, long began)
    {
        Lock.Scope scope = _lock.EnterScope();
        long nanoseconds = (long)Stopwatch.GetElapsedTime(_started, began).TotalNanoseconds;
        _buffer.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("time", nanoseconds);
        _json.WriteString("wall", _startedWall.AddTicks(nanoseconds / NanosecondsPerTick).ToString("o", CultureInfo.InvariantCulture));
        _json.WriteNumber("pid", Libc.getpid());
        _json.WriteString("device", device);
        _json.WriteString("verb", verb);
        return new RecordLine(this, _json, scope);
    }

    /// <summary>Ends the line that was begun. The lock is held.</summary>
    internal void End()
    {
        _json.WriteEndObject();
        _json.Flush();
        _buffer.GetSpan(1)[0] = (byte)'\n';
        _buffer.Advance(1);
        _file.Append(_buffer.WrittenSpan);
    }
}

/// <summary>A line that is being written; it holds the recorder until it is disposed.</summary>
internal readonly ref struct RecordLine(NicRecorder recorder, Utf8JsonWriter json, Lock.Scope scope)
{
    private readonly Lock.Scope _scope = scope;

    /// <summary>Takes the properties of the line's object.</summary>
    public Utf8JsonWriter Json { get; } = json;

    public void Dispose()
    {
        try
        {
            recorder.End();
        }
        finally
        {
            _scope.Dispose();
        }
    }
}
