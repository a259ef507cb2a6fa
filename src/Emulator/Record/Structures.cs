using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text.Json;
using Verbena.Packets;

namespace Verbena.Emulator.Record;

/// <summary>Writes C structures of the kernel's interface field by field.</summary>
/// <remarks>The table of fields is made by a test from the structures in Interop, whose layout the C compiler judges.</remarks>
internal static class Structures
{
    private static readonly FrozenDictionary<string, Structure> s_byName = StructureTable.All.ToFrozenDictionary(structure => structure.Name, StringComparer.Ordinal);

    /// <summary>The structure of a name, or null if none is known.</summary>
    public static Structure? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>Writes the fields of a structure, as far as there are bytes of it, into the object that is being written.</summary>
    public static void WriteFields(Utf8JsonWriter json, Structure structure, ReadOnlySpan<byte> bytes)
    {
        foreach (StructureField field in structure.Fields)
        {
            if (field.Offset + field.Bytes <= bytes.Length)
            {
                Write(json, field, bytes.Slice(field.Offset, field.Bytes));
            }
        }
    }

    private static void Write(Utf8JsonWriter json, StructureField field, ReadOnlySpan<byte> bytes)
    {
        switch (field.Kind)
        {
            case FieldKind.Nested when Find(field.Type!) is { } nested:
                json.WriteStartObject(field.Name);
                WriteFields(json, nested, bytes);
                json.WriteEndObject();
                break;
            case FieldKind.Mac:
                json.WriteString(field.Name, MemoryMarshal.Read<MacAddress>(bytes).ToString());
                break;
            case FieldKind.Number or FieldKind.Network:
                Values.Write(json, field.Name, Number(field.Kind, bytes));
                break;
            default:
                json.WriteString(field.Name, Convert.ToHexStringLower(bytes));
                break;
        }
    }

    private static ulong Number(FieldKind kind, ReadOnlySpan<byte> bytes)
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        wide.Clear();
        if (kind == FieldKind.Network)
        {
            bytes.CopyTo(wide[(sizeof(ulong) - bytes.Length)..]);
            return BinaryPrimitives.ReadUInt64BigEndian(wide);
        }

        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadUInt64LittleEndian(wide);
    }
}
