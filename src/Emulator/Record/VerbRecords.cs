using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Verbena.Emulator.Uverbs;
using Verbena.Interop;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Record;

/// <summary>Records what programs do with one device: opening, closing, mapping, and each command with its attributes and answer.</summary>
internal sealed class VerbRecords(NicRecorder recorder, string device)
{
    public void Opened(uint context, long began)
    {
        using RecordLine line = recorder.Begin(device, "OPEN", began);
        End(line.Json, context, began, default, null);
    }

    public void Closed(uint context, int objects, long began)
    {
        using RecordLine line = recorder.Begin(device, "CLOSE", began);
        line.Json.WriteStartObject("in");
        line.Json.WriteNumber("objects_left", objects);
        line.Json.WriteEndObject();
        End(line.Json, context, began, default, null);
    }

    public void Mapped(uint context, ulong lengthBytes, long offset, Errno errno, long began)
    {
        using RecordLine line = recorder.Begin(device, "MMAP", began);
        line.Json.WriteStartObject("in");
        line.Json.WriteNumber("length", lengthBytes);
        Values.Write(line.Json, "offset", (ulong)offset);
        line.Json.WriteNumber("command", (offset >> 20) & 0xFF);
        line.Json.WriteEndObject();
        End(line.Json, context, began, errno, null);
    }

    /// <summary>A command whose header could not even be read, or contradicts itself.</summary>
    public void Malformed(uint context, Errno errno, string reason, long began)
    {
        using RecordLine line = recorder.Begin(device, "IOCTL", began);
        End(line.Json, context, began, errno, reason);
    }

    /// <summary>A command, after it was carried out or refused; the program still waits for it.</summary>
    public void Commanded(uint context, in IoctlFrame frame, Errno errno, string? reason, long began)
    {
        MethodCommand? method = Commands.FindMethod(frame);
        WriteCommand? write = method == Commands.InvokeWrite
            ? Commands.FindWrite((uint)frame.Number(Attributes.UVERBS_ATTR_WRITE_CMD))
            : null;
        using RecordLine line = recorder.Begin(device, write?.Name ?? method?.Name ?? "IOCTL", began);
        line.Json.WriteString("object", ObjectName(frame.ObjectId));
        line.Json.WriteString("method", method?.Name ?? string.Create(CultureInfo.InvariantCulture, $"0x{frame.MethodId:x}"));
        var attributes = new AttributeRecords(line.Json, frame, method, write);
        attributes.WriteInputs();
        if (errno == default)
        {
            attributes.WriteOutputs();
        }

        End(line.Json, context, began, errno, reason);
    }

    private static string ObjectName(ushort id)
    {
        string? name = Enum.GetName((uverbs_default_objects)id) ?? Enum.GetName((mlx5_ib_objects)id);
        return name is null
            ? string.Create(CultureInfo.InvariantCulture, $"0x{id:x}")
            : name.Replace("UVERBS_OBJECT_", "", StringComparison.Ordinal).Replace("MLX5_IB_OBJECT_", "", StringComparison.Ordinal);
    }

    private static void End(Utf8JsonWriter json, uint context, long began, Errno errno, string? reason)
    {
        json.WriteNumber("context", context);
        json.WriteString("answer", errno == default ? "ok" : errno.ToString());
        if (reason is not null)
        {
            json.WriteString("reason", reason);
        }

        json.WriteNumber("duration", (long)Stopwatch.GetElapsedTime(began).TotalNanoseconds);
    }
}
