using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Verbena.Nic;

/// <summary>A line of a record.</summary>
/// <param name="Time">When it was, by the clock on the wall.</param>
/// <param name="Pid">The process.</param>
/// <param name="Verb">What it asked.</param>
/// <param name="What">Of which device, and with which values.</param>
/// <param name="Answer">What it got: <c>ok</c> or errno's name, how long that took, and the values.</param>
internal sealed record RecordedVerb(DateTime Time, int Pid, string Verb, string What, string Answer)
{
    /// <summary>False: the line is no record, or is cut off.</summary>
    public static bool TryParse(string line, [NotNullWhen(true)] out RecordedVerb? recorded)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            recorded = Read(document.RootElement);
            return true;
        }
        catch (Exception broken) when (broken is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            recorded = null;
            return false;
        }
    }

    private static RecordedVerb Read(JsonElement record)
    {
        string device = record.GetProperty("device").GetString()!;
        string context = record.TryGetProperty("context", out JsonElement number) ? $"{device}/{number.GetInt32()}" : device;
        return new RecordedVerb(
            record.GetProperty("wall").GetDateTime().ToUniversalTime(),
            record.GetProperty("pid").GetInt32(),
            record.GetProperty("verb").GetString()!,
            context + Values(record, "in"),
            Answered(record));
    }

    private static string Answered(JsonElement record)
    {
        if (!record.TryGetProperty("answer", out JsonElement answer))
        {
            return "";
        }

        double microseconds = record.GetProperty("duration").GetInt64() / 1000.0;
        string reason = record.TryGetProperty("reason", out JsonElement said) ? $" ({said.GetString()})" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{answer.GetString()} {microseconds:0.0}µs{Values(record, "out")}{reason}");
    }

    private static string Values(JsonElement record, string property)
    {
        var text = new StringBuilder();
        if (record.TryGetProperty(property, out JsonElement values))
        {
            foreach (JsonProperty value in values.EnumerateObject())
            {
                Append(text.Append(' '), value.Name, value.Value);
            }
        }

        return text.ToString();
    }

    /// <summary>name=value; of a structure <c>name{field=value …}</c>, of a list <c>name[…]</c>.</summary>
    private static void Append(StringBuilder text, string name, JsonElement value)
    {
        text.Append(name);
        if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            text.Append('=');
        }

        AppendValue(text, value);
    }

    private static void AppendValue(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                text.AppendJoin(' ', value.EnumerateObject().Select(field => Text(field.Name, field.Value))).Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                text.AppendJoin(' ', value.EnumerateArray().Select(item => Text("", item))).Append(']');
                break;
            default:
                text.Append(value.ToString());
                break;
        }
    }

    private static string Text(string name, JsonElement value)
    {
        var text = new StringBuilder();
        if (name.Length == 0)
        {
            AppendValue(text, value);
        }
        else
        {
            Append(text, name, value);
        }

        return text.ToString();
    }
}
