using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Verbena.Emulator.Uverbs;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Record;

/// <summary>Writes the attributes of one command, by their names: <c>UVERBS_ATTR_CREATE_CQ_CQE</c> of CQ_CREATE is <c>cqe</c>.</summary>
/// <remarks>The fields of the older commands' input and output stand for themselves; the driver's are below <c>mlx5</c>.</remarks>
internal readonly ref struct AttributeRecords(Utf8JsonWriter json, in IoctlFrame frame, MethodCommand? method, WriteCommand? write)
{
    private static readonly string[] s_prefixes = ["UVERBS_ATTR_", "MLX5_IB_ATTR_"];

    private readonly IoctlFrame _frame = frame;
    private readonly AttributeSpec[] _specs = [.. write?.Attributes ?? [], .. method?.Required ?? [], .. method?.Optional ?? []];

    public void WriteInputs()
    {
        json.WriteStartObject("in");
        foreach (ref readonly ib_uverbs_attr attribute in _frame.Attributes)
        {
            AttributeSpec? spec = Find(attribute.attr_id);
            if (attribute.attr_id == Attributes.UVERBS_ATTR_WRITE_CMD && method == Commands.InvokeWrite)
            {
                if (write is null)
                {
                    json.WriteString("command", string.Create(CultureInfo.InvariantCulture, $"0x{attribute.data:x}"));
                }
            }
            else if (spec is null)
            {
                json.WriteString(string.Create(CultureInfo.InvariantCulture, $"0x{attribute.attr_id:x}"), $"{attribute.len} bytes");
            }
            else if (spec.Kind == AttributeKind.Handle)
            {
                json.WriteNumber(Name(spec), attribute.data);
            }
            else if (spec.Kind == AttributeKind.Input)
            {
                Write(spec, attribute);
                if (spec.Variants > 0)
                {
                    json.WriteNumber(Name(spec) + "_variant", attribute.enum_data);
                }
            }
        }

        json.WriteEndObject();
    }

    public void WriteOutputs()
    {
        json.WriteStartObject("out");
        foreach (ref readonly ib_uverbs_attr attribute in _frame.Attributes)
        {
            AttributeSpec? spec = Find(attribute.attr_id);
            if (spec is null || !attribute.flags.HasFlag(uverbs_attr_flags.UVERBS_ATTR_F_VALID_OUTPUT))
            {
                continue;
            }

            if (spec.Kind == AttributeKind.NewHandle)
            {
                json.WriteNumber(Name(spec), attribute.data);
            }
            else
            {
                Write(spec, attribute);
            }
        }

        json.WriteEndObject();
    }

    private AttributeSpec? Find(ushort id) => AttributeSpec.Find(id, _specs, []);

    private void Write(AttributeSpec spec, in ib_uverbs_attr attribute)
    {
        byte[] bytes;
        try
        {
            bytes = spec.Kind == AttributeKind.Input ? _frame.InputBytes(spec.Id).ToArray() : OutputBytes(attribute);
        }
        catch (UverbsException)
        {
            json.WriteString(Name(spec), $"{attribute.len} bytes at 0x{attribute.data:x}, which are not there");
            return;
        }

        bool isPlain = spec.Id is Attributes.UVERBS_ATTR_CORE_IN or Attributes.UVERBS_ATTR_CORE_OUT && write is not null;
        if (StructureOf(spec, bytes.Length) is not { } structure)
        {
            WritePlain(Name(spec), bytes);
            return;
        }

        if (!isPlain)
        {
            json.WriteStartObject(Name(spec));
        }

        Structures.WriteFields(json, structure, bytes);
        if (bytes.Length > structure.Bytes && spec.Kind == AttributeKind.Input)
        {
            WriteTail(bytes.AsSpan(structure.Bytes));
        }

        if (!isPlain)
        {
            json.WriteEndObject();
        }
    }

    private static byte[] OutputBytes(in ib_uverbs_attr attribute)
    {
        byte[] bytes = new byte[attribute.len];
        UserMemory.Read(attribute.data, bytes);
        return bytes;
    }

    /// <summary>A driver's part may have one of several forms, told apart by their length.</summary>
    private static Structure? StructureOf(AttributeSpec spec, int lengthBytes)
    {
        Structure[] forms = [.. spec.Structures.Select(Structures.Find).OfType<Structure>()];
        return Array.Find(forms, form => lengthBytes <= form.Bytes) ?? forms.LastOrDefault();
    }

    private void WritePlain(string name, byte[] bytes)
    {
        if (bytes.Length <= sizeof(ulong))
        {
            Span<byte> wide = stackalloc byte[sizeof(ulong)];
            wide.Clear();
            bytes.CopyTo(wide);
            Values.Write(json, name, MemoryMarshal.Read<ulong>(wide));
        }
        else
        {
            json.WriteString(name, Convert.ToHexStringLower(bytes));
        }
    }

    /// <summary>What follows the structure: flow specifications, the queues of a table, or what a newer program knows.</summary>
    private void WriteTail(ReadOnlySpan<byte> tail)
    {
        switch (write?.Name)
        {
            case "CREATE_FLOW":
                FlowRecords.WriteSpecs(json, tail);
                break;
            case "CREATE_RWQ_IND_TBL":
                json.WriteStartArray("wq_handles");
                foreach (uint handle in MemoryMarshal.Cast<byte, uint>(tail))
                {
                    json.WriteNumberValue(handle);
                }

                json.WriteEndArray();
                break;
            default:
                json.WriteString("more", Convert.ToHexStringLower(tail));
                break;
        }
    }

    /// <summary>The name without what it has in common with the command's other attributes, in lower case.</summary>
    private string Name(AttributeSpec spec)
    {
        if (spec.Id is Attributes.UVERBS_ATTR_UHW_IN or Attributes.UVERBS_ATTR_UHW_OUT)
        {
            return "mlx5";
        }

        string name = Short(spec.Name);
        int common = name.LastIndexOf('_') + 1;
        foreach (AttributeSpec other in _specs)
        {
            if (other.Id is not (Attributes.UVERBS_ATTR_UHW_IN or Attributes.UVERBS_ATTR_UHW_OUT))
            {
                common = Math.Min(common, CommonWords(name, Short(other.Name)));
            }
        }

        return name[common..].ToLowerInvariant();
    }

    private static string Short(string name)
    {
        foreach (string prefix in s_prefixes)
        {
            int at = name.IndexOf(prefix, StringComparison.Ordinal);
            if (at >= 0)
            {
                return name[(at + prefix.Length)..];
            }
        }

        return name;
    }

    /// <summary>Length of the words that both names begin with.</summary>
    private static int CommonWords(string name, string other) =>
        name.AsSpan(0, name.AsSpan().CommonPrefixLength(other)).LastIndexOf('_') + 1;
}
